// Compares `A<TAB>B` lines as npm does: -1, 0, 1, or ? for what it refuses.
const semver = require(process.argv[2]);
for (const line of require("fs").readFileSync(0, "utf8").split("\n").slice(0, -1)) {
  const [a, b] = line.split("\t").map((v) => semver.parse(v));
  console.log(a && b ? String(semver.compare(a, b)) : "?");
}
