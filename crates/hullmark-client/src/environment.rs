//! Where tools of this kind usually find credentials and sockets. The environment's values come in; none is read here.

use std::path::{Path, PathBuf};

use crate::options::CredentialSource;

/// Values of the environment, as the binary read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `DOCKER_CONFIG`: a folder.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`: a file; it replaces all others.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `DOCKER_HOST`, of which only `unix://` addresses are of use here.
    pub docker_host: Option<String>,
    /// `CONTAINER_HOST`, likewise.
    pub container_host: Option<String>,
}

impl Environment {
    /// Returns the files with credentials, most important first. They need not exist.
    ///
    /// See: containers-auth.json(5); Docker's `config.json`.
    pub fn credentials(&self) -> Vec<CredentialSource> {
        if let Some(file) = &self.registry_auth_file {
            return vec![CredentialSource::File(file.clone())];
        }
        let config = self.xdg_config_home.clone().or_else(|| self.in_home(".config"));
        let docker = self.docker_config.clone().or_else(|| self.in_home(".docker"));
        [
            self.xdg_runtime_dir.as_deref().map(|folder| folder.join("containers/auth.json")),
            config.map(|folder| folder.join("containers/auth.json")),
            docker.map(|folder| folder.join("config.json")),
        ]
        .into_iter()
        .flatten()
        .map(CredentialSource::File)
        .collect()
    }

    /// Returns Docker's socket.
    pub fn docker_socket(&self) -> PathBuf {
        unix(self.docker_host.as_deref()).unwrap_or_else(|| "/var/run/docker.sock".into())
    }

    /// Returns Podman's socket: the user's, or the system's where the user has no runtime folder.
    pub fn podman_socket(&self) -> PathBuf {
        let of_user = || self.xdg_runtime_dir.as_ref().map(|dir| dir.join("podman/podman.sock"));
        unix(self.container_host.as_deref())
            .or_else(of_user)
            .unwrap_or_else(|| "/run/podman/podman.sock".into())
    }

    fn in_home(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(name))
    }
}

fn unix(address: Option<&str>) -> Option<PathBuf> {
    address?.strip_prefix("unix://").filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_sockets_are_where_other_tools_look() {
        let show = |environment: &Environment| {
            let mut paths: Vec<String> = environment
                .credentials()
                .into_iter()
                .map(|source| match source {
                    CredentialSource::File(path) => path.display().to_string(),
                    CredentialSource::Fixed { .. } => "fixed".into(),
                })
                .collect();
            paths.push(environment.docker_socket().display().to_string());
            paths.push(environment.podman_socket().display().to_string());
            paths.join(" ")
        };
        let nothing = Environment::default();
        assert_eq!(show(&nothing), "/var/run/docker.sock /run/podman/podman.sock");
        let user = Environment {
            home: Some("/home/u".into()),
            xdg_runtime_dir: Some("/run/user/1".into()),
            ..Environment::default()
        };
        assert_eq!(
            show(&user),
            "/run/user/1/containers/auth.json /home/u/.config/containers/auth.json \
             /home/u/.docker/config.json /var/run/docker.sock /run/user/1/podman/podman.sock"
        );
        let named = Environment {
            docker_config: Some("/d".into()),
            xdg_config_home: Some("/c".into()),
            docker_host: Some("unix:///d.sock".into()),
            container_host: Some("ssh://elsewhere".into()),
            ..user.clone()
        };
        assert_eq!(
            show(&named),
            "/run/user/1/containers/auth.json /c/containers/auth.json /d/config.json \
             /d.sock /run/user/1/podman/podman.sock"
        );
        let one = Environment { registry_auth_file: Some("/a.json".into()), ..user };
        assert!(show(&one).starts_with("/a.json /var"));
    }
}
