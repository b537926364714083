"""R starts alone: what a user has set up for other sessions has no effect, or is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amiss_tasks.r.environment import settle
from amiss_tasks.tasks.r_calls import RCalls
from gridrun.errors import EnvironmentFault

PROBE = """
import json, sys
from amiss_tasks.tasks.r_calls import RCalls
from gridrun.errors import EnvironmentFault
calls = RCalls()
try:
    found = calls.versions()
except EnvironmentFault as fault:
    found = {"what": fault.what, "todo": fault.todo}
else:
    calls._session.source_text('''
about <- function() c(
  locale = Sys.getlocale("LC_CTYPE"), attached = paste(sort(search()), collapse = " "),
  libraries = paste(.libPaths(), collapse = " "), options = paste(getOption("digits")),
  objects = paste(ls(globalenv()), collapse = " "),
  message = tryCatch(log(-1:0 + "a"), error = conditionMessage),
  zone = Sys.timezone(), vectors = as.character(mem.maxVSize()))
''', calls._session.shared)
    about = calls("about").value
    found["about"] = about.python()
print(json.dumps(found))
"""


def probed(place, home, **environment):
    base = {name: os.environ[name] for name in ("PATH",)}
    ran = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=place,
        env={**base, "HOME": str(home), "PYTHONPATH": str(Path.cwd()), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_what_is_set_up_for_other_sessions_has_no_effect(tmp_path):
    """Start-up files, a saved workspace, R's own variables and a language change nothing."""
    empty, home, project = tmp_path / "empty", tmp_path / "home", tmp_path / "project"
    library = tmp_path / "library"
    for directory in (empty, home, project, library):
        directory.mkdir()
    (home / ".Rprofile").write_text('stop("there is no package called devtools")\n')
    (home / ".Renviron").write_text(f"R_LIBS={library}\nR_DEFAULT_PACKAGES=NULL\n")
    (project / ".Rprofile").write_text(
        f'cat("- The project is out-of-sync\\n")\nSys.setenv(R_LIBS_SITE="{library}")\n'
        f'.libPaths("{library}", include.site = FALSE)\noptions(digits = 3)\n'
    )
    (project / ".Renviron").write_text(f"R_LIBS_SITE={library}\n")
    (project / ".RData").write_text("no workspace")
    strange = {
        "R_PROFILE": str(home / ".Rprofile"),
        "R_PROFILE_USER": str(home / ".Rprofile"),
        "R_ENVIRON": str(home / ".Renviron"),
        "R_ENVIRON_USER": str(home / ".Renviron"),
        "R_DEFAULT_PACKAGES": "NULL",
        "R_TESTS": "/nonexistent",
        "R_MAX_VSIZE": "50Mb",
        "R_SHARE_DIR": "/nonexistent",
        "_R_CHECK_BROWSER_NONINTERACTIVE_": "true",
        "LC_ALL": "C",
        "LANG": "de_DE.UTF-8",
        "LANGUAGE": "de",
        "TZ": "Asia/Tokyo",
    }
    assert probed(project, home, **strange) == probed(empty, empty)


def test_a_broken_library_is_named_with_its_variable(tmp_path):
    """A package that is not whole is refused before anything runs: variable, library and file."""
    package = tmp_path / "rlib" / "mice"
    package.mkdir(parents=True)
    (package / "DESCRIPTION").write_text("Package: mice\nVersion: 2.9\nBuilt: R 3.5.0; ; ; unix\n")
    found = probed(tmp_path, tmp_path, R_LIBS_USER=str(tmp_path / "rlib"))
    assert f"package mice in the library {tmp_path}/rlib is not whole" in found["what"]
    assert f"{package}/Meta/package.rds" in found["what"]
    assert f"R_LIBS_USER={tmp_path}/rlib" in found["todo"]


@pytest.mark.parametrize(
    ("name", "version", "built", "said"),
    [
        ("Rcpp", "0.10.1", "4.2.0", "has version 0.10.1, but "),  # mice needs it
        ("ranger", "0.14.1", "3.6.3", "was built for R 3.6.3, which R 4"),
        ("pcaMethods", "1.90.0", "9.0.0", "was built for R 9.0.0; this is R 4"),
    ],
)
def test_packages_that_r_would_refuse_are_found(tmp_path, name, version, built, said):
    """One that is too old for another, or built for another R, is named with its library."""
    calls = RCalls()
    calls._session.source_text(
        """
shadowed <- function(library, name, version, built) {
  place <- file.path(library, name)
  dir.create(file.path(place, "Meta"), recursive = TRUE)
  description <- c(Package = name, Version = version, Built = paste0("R ", built, "; ; ; unix"))
  write.dcf(t(description), file.path(place, "DESCRIPTION"))
  about <- list(DESCRIPTION = description, Built = list(R = package_version(built)))
  saveRDS(about, file.path(place, "Meta", "package.rds"))
  before <- .libPaths()
  .libPaths(c(library, before))
  on.exit(.libPaths(before))
  library_fault()
}
""",
        calls._session.shared,
    )
    calls.versions()
    (tmp_path / "lib").mkdir()
    found = calls("shadowed", str(tmp_path / "lib"), name, version, built).value.python()[0]
    assert f"package {name} in the library {tmp_path}/lib" in found
    assert said in found


@pytest.mark.parametrize("home", ["/nonexistent/R", "/tmp"])
def test_a_wrong_home_is_named_with_its_variable(home):
    """R_HOME without an R is refused, rather than what rpy2 makes of it."""
    with pytest.raises(EnvironmentFault, match=f"variable R_HOME names {home}, where there is no"):
        settle({"R_HOME": home})


def test_a_feature_with_too_many_levels_is_named():
    """What randomForest refuses says of which feature."""
    calls = RCalls()
    calls._session.source_text(
        "crowded <- function() refuse_many_levels(data.frame(a = 1:60, b = factor(1:60)))",
        calls._session.shared,
    )
    with pytest.raises(Exception, match="more than 53 categories: b has 60"):
        calls("crowded")
