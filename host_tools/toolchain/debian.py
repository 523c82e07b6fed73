"""Packages of Debian 13, unpacked below build/ without root, by a private apt (own source list, state and cache).

Nothing is installed on the machine. apt checks every file against Debian's keys: library versions are not pinned.
The mirror is the machine's own (Debian), or DEBIAN_MIRROR=URL from the environment.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from host_tools.toolchain.paths import TOOLS
from host_tools.toolchain.steps import SetupError, run, step

RELEASE = "trixie"
KEYRINGS = [Path("/usr/share/keyrings/debian-archive-keyring" + suffix) for suffix in (".gpg", ".pgp")]
KEY_UNKNOWN = ("NO_PUBKEY", "Missing key")  # how apt 2 and apt 3 put it
# Read after the machine's own configuration, of which it keeps what concerns the network: proxies, certificates.
APT_CONF = """
#clear APT::Architectures;
#clear APT::Default-Release;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architectures {{ "amd64"; "armhf"; }};
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"""


def os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def mirrors() -> list[str]:
    """Mirrors to try, best first. Empty on systems that are not Debian when DEBIAN_MIRROR is not set."""
    given = os.environ.get("DEBIAN_MIRROR")
    if given:
        return [given.rstrip("/")]
    release = os_release()
    if release.get("ID") != "debian":
        return []
    codename = release.get("VERSION_CODENAME", "")
    found = mirrors_of(listed_uris(), codename)
    if not found:
        raise SetupError(f"apt has no source for '{codename} main': give a Debian mirror, `make DEBIAN_MIRROR=URL`")
    return found


def listed_uris(options: Sequence[str] = ()) -> str:
    """What `apt-get update` would fetch, without fetching: apt itself reads both forms of source list."""
    command = ["apt-get", *options, "--print-uris", "update"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise SetupError("apt-get is not installed") from error
    except subprocess.CalledProcessError as error:
        raise SetupError(f"apt cannot read its own sources:\n    {error.stderr.strip()}") from error


def mirrors_of(uris: str, codename: str) -> list[str]:
    """Mirrors of `codename main`; first those with its -updates too: a third party may use the same two words."""
    served = dict.fromkeys(re.findall(r"^'([^' ]+)/dists/([^' ]+)/main/binary-amd64/", uris, re.MULTILINE))
    found = [mirror for mirror, suite in served if suite == codename and not mirror.startswith("cdrom:")]
    return sorted(found, key=lambda mirror: (mirror, f"{codename}-updates") not in served)


class Archive:
    """A private apt on one mirror, alive inside a `with`: nothing stays of it but what it unpacked."""

    def __init__(self, mirror_urls: Sequence[str], folder: Path = TOOLS / "apt"):
        self.mirror_urls = mirror_urls
        self.folder = folder

    def __enter__(self) -> "Archive":
        for command in ("apt-get", "dpkg-deb"):
            if not shutil.which(command):
                raise SetupError(f"{command} is needed to unpack Debian packages: install apt and dpkg")
        self._update_from_any(_keyring())
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def unpack(self, packages: Sequence[str], target: Path, only: Sequence[str] = ()) -> None:
        """Unpack packages (`name:architecture`, `=1.2*` for a version), or `only` some files, into a new folder."""
        debs = self.folder / "debs"
        shutil.rmtree(debs, ignore_errors=True)
        debs.mkdir()
        self._apt("download", *packages, cwd=debs)
        part = target.with_name(target.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for deb in sorted(debs.iterdir()):
            _extract(deb, part, only)
        part.rename(target)

    def _update_from_any(self, keyring: Path) -> None:
        failures = []
        for mirror in self.mirror_urls:
            shutil.rmtree(self.folder, ignore_errors=True)
            for name in ("state/lists/partial", "cache/archives/partial"):
                (self.folder / name).mkdir(parents=True)
            (self.folder / "status").touch()
            (self.folder / "apt.conf").write_text(APT_CONF.format(folder=self.folder))
            (self.folder / "sources.list").write_text(f"deb [signed-by={keyring}] {mirror} {RELEASE} main\n")
            step(f"asking the Debian mirror for {RELEASE}'s package lists")
            try:
                self._apt("update")
                return
            except SetupError as error:
                failures.append(error)
        best = str(failures[0])
        if any(words in best for words in KEY_UNKNOWN):
            best = f"{keyring} lacks the key of {RELEASE}: update the package debian-archive-keyring\n{best}"
        raise SetupError(best)

    def _apt(self, *words: str, cwd: Path | None = None) -> None:
        run(["apt-get", "-c", self.folder / "apt.conf", *words], cwd)


def _keyring() -> Path:
    for path in KEYRINGS:
        if path.exists():
            return path
    raise SetupError(f"Debian's keys are missing ({KEYRINGS[0]}): `sudo apt-get install debian-archive-keyring`")


def _extract(deb: Path, target: Path, only: Sequence[str]) -> None:
    script = 'deb=$1; target=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$target" "$@"'
    run(["sh", "-c", script, "sh", deb, target, *(f"./{name}" for name in only)])
