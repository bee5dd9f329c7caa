//! A gate in a build: as long as it is closed, whoever comes to it waits, and says so.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::project::{Project, SCENE};
use crate::interrupt;

/// Why a scenario with a gate is for Unix.
pub(crate) const NEEDS_A_GATE: &str = "it holds a build open with a shell script";

/// A gate at one place of a build. It is open at first.
pub(crate) struct Gate<'a> {
    project: &'a Project,
    place: &'static str,
}

impl<'a> Gate<'a> {
    pub(crate) fn at(project: &'a Project, place: &'static str) -> Gate<'a> {
        Gate { project, place }
    }

    /// A gate in the compiler itself, whoever calls it, when it is at the scene: a macro stands there.
    ///
    /// The scene must have the text that it shall have when the program is built.
    pub(crate) fn in_compiler(project: &'a Project) -> Result<Gate<'a>> {
        let gate = Gate::at(project, "compiler");
        project.edit("Cargo.toml", "members = [", "members = [\"held\", ")?;
        project.write(
            "held/Cargo.toml",
            "[package]\nname = \"held\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n",
        )?;
        project.write(
            "held/src/lib.rs",
            &format!(
                r#"//! A macro that waits at a gate.

#[proc_macro]
pub fn hold(_: proc_macro::TokenStream) -> proc_macro::TokenStream {{
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", {:?}]).status().expect("there is a shell");
    Default::default()
}}
"#,
                gate.shell()
            ),
        )?;
        project.edit(
            "scene/Cargo.toml",
            "[dependencies]",
            "[dependencies]\nheld = { path = \"../held\" }",
        )?;
        let text = project.read(SCENE)?;
        project.write(SCENE, &format!("{text}\nheld::hold!();\n"))?;
        Ok(gate)
    }

    /// A line of shell that comes to the gate.
    pub(crate) fn shell(&self) -> String {
        let (closed, reached) = self.files().map(|file| self.project.path(&file)).into();
        let (closed, reached) = (closed.display(), reached.display());
        format!(
            "if [ -e '{closed}' ]; then touch '{reached}'; while [ -e '{closed}' ]; do sleep 0.02; done; fi"
        )
    }

    pub(crate) fn close(&self) -> Result<()> {
        let [closed, _] = self.files();
        self.project.write(&closed, "")
    }

    pub(crate) fn open(&self) -> Result<()> {
        let files = self.files().map(|file| self.project.path(&file));
        for file in files.iter().filter(|file| file.exists()) {
            fs::remove_file(file).context("cannot open the gate")?;
        }
        Ok(())
    }

    /// Waits until someone has come to the gate, which is closed.
    pub(crate) fn reached(&self) -> Result<()> {
        let [_, reached] = self.files();
        let path = self.project.path(&reached);
        // It guards against waiting for ever; nothing is measured by it.
        let deadline = Instant::now() + Duration::from_secs(180);
        while !path.exists() {
            interrupt::check()?;
            ensure!(
                Instant::now() < deadline,
                "nothing comes to the gate in the {}",
                self.place
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What is there as long as the gate is closed, and what comes when it is reached.
    fn files(&self) -> [String; 2] {
        let place = self.place;
        [format!("hold-{place}"), format!("held-{place}")]
    }
}
