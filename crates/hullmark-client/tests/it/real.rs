//! Against the distribution's own registry, filled by skopeo.

use hullmark_client::ClientOptions;
use hullmark_client::options::{Credential, CredentialSource, Secret};
use hullmark_oci::manifest::Document;
use hullmark_testkit::registry::{Access, Authority, Registry, Setup};
use hullmark_testkit::shared_data;

use crate::support::{chain, open_with, quick, read_blob, run, show_with};

fn options(registry: &Registry, authority: Option<&Authority>) -> ClientOptions {
    let mut options = quick();
    options.authorities.extend(authority.map(|a| a.pem().as_bytes().to_vec()));
    options.credentials.extend(registry.login().map(|(user, password)| CredentialSource::Fixed {
        prefix: registry.host().into(),
        credential: Credential::Password { user: user.into(), password: Secret::new(password) },
    }));
    options
}

#[test]
fn images_come_back_by_tag_and_digest_however_access_is_guarded() {
    let Some(archive) = shared_data("images/distroless12-polyglot.oci.tar") else { return };
    let authority = Authority::new();
    for (access, authority) in [
        (Access::Open, None),
        (Access::Open, Some(&authority)),
        (Access::Password, None),
        (Access::Password, Some(&authority)),
        (Access::Token, None),
    ] {
        let Some(registry) = Registry::start(Setup { access, authority }) else { return };
        registry.push(&archive, "team/app:v1");
        let options = options(&registry, authority);
        let name = format!("{}/team/app", registry.host());
        run(async {
            let good = "2 layers of 585926 bytes";
            assert_eq!(show_with(&options, &format!("{name}:v1")).await, good, "{access:?}");
            let source = open_with(&options, &format!("{name}:v1")).await;
            let top = source.resolve().await.unwrap();
            let by_digest = format!("{name}@{}", top.descriptor.digest);
            assert_eq!(show_with(&options, &by_digest).await, good);
            assert!(source.referrers(&top.descriptor.digest).await.unwrap().is_empty());
            let missing = show_with(&options, &format!("{name}:v2")).await;
            assert_eq!(missing, format!("{name}:v2 was not found"));
            if access != Access::Open {
                let stranger = ClientOptions { credentials: Vec::new(), ..options.clone() };
                let refused = show_with(&stranger, &format!("{name}:v1")).await;
                assert!(refused.contains("no credentials are configured for"), "{refused}");
                let mut wrong = stranger.clone();
                wrong.credentials.push(CredentialSource::Fixed {
                    prefix: registry.host().into(),
                    credential: Credential::Password {
                        user: "user".into(),
                        password: Secret::new("wrong"),
                    },
                });
                let refused = show_with(&wrong, &format!("{name}:v1")).await;
                assert!(refused.contains("access was refused"), "{refused}");
            }
        });
        if access == Access::Token {
            assert!(!registry.token_requests().is_empty());
        }
    }
}

#[test]
fn an_index_of_two_platforms_and_all_compressions_come_back() {
    let Some(images) = shared_data("images") else { return };
    let setup = Setup { access: Access::Open, authority: None };
    let Some(registry) = Registry::start(setup) else { return };
    run(async {
        for (image, want) in [
            ("multiarch-index", "index of 2, 1 layers of 11534 bytes, 1 layers of 11524 bytes"),
            ("mariner2-rpm", "1 layers of 976378 bytes"),
            ("debian12-app", "5 layers of 5105700 bytes"),
        ] {
            registry.push(&images.join(format!("{image}.oci.tar")), &format!("{image}:v1"));
            let name = format!("{}/{image}:v1", registry.host());
            assert_eq!(show_with(&options(&registry, None), &name).await, want);
        }
    });
}

#[test]
fn a_blob_that_rotted_in_the_registry_is_noticed() {
    let Some(archive) = shared_data("images/mariner2-rpm.oci.tar") else { return };
    let setup = Setup { access: Access::Open, authority: None };
    let Some(registry) = Registry::start(setup) else { return };
    registry.push(&archive, "app:v1");
    run(async {
        let source =
            open_with(&options(&registry, None), &format!("{}/app:v1", registry.host())).await;
        let top = source.resolve().await.unwrap();
        let Ok(Document::Manifest(manifest)) = Document::parse(&top.bytes, None) else { panic!() };
        let layer = &manifest.layers[0];
        read_blob(source.as_ref(), layer).await.unwrap();
        let file = registry.blob_file(&layer.digest);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[1000] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let error = read_blob(source.as_ref(), layer).await.unwrap_err();
        assert!(error.starts_with("blob is sha256:"), "{error}");
        // Cut off: this registry answers 200 with the old length and too few bytes, or with the new length.
        std::fs::write(&file, &bytes[..5000]).unwrap();
        let error = read_blob(source.as_ref(), layer).await.unwrap_err();
        assert!(error.contains("5000"), "{error}");
        std::fs::write(&file, b"").unwrap();
        assert!(read_blob(source.as_ref(), layer).await.is_err());
        std::fs::remove_file(&file).unwrap();
        let error = read_blob(source.as_ref(), layer).await.unwrap_err();
        assert!(error.contains("was not found"), "{error}");
        // The configuration is compared here, not by the caller.
        let file = registry.blob_file(&manifest.config.digest);
        std::fs::write(&file, vec![b' '; usize::try_from(manifest.config.size).unwrap()]).unwrap();
        let error = source.manifest(&manifest.config, 1 << 20).await.unwrap_err();
        assert!(chain(&error).contains("content has digest"), "{error}");
    });
}
