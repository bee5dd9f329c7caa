//! A fountain in the terminal. All that it does and shows is in the crate `fountain-scene`: edit
//! that while this runs.
//!
//! Written to a file or a pipe, it prints a line now and then instead of a picture.

mod screen;

use std::io;
use std::thread;
use std::time::Duration;

use fountain_scene::World;
use hot_app::{HOT_RELOAD, HotReload};
use screen::Screen;

hot_app::hot_host!();

/// The time between two frames.
const FRAME: Duration = Duration::from_micros(16_667);

fn main() -> io::Result<()> {
    // The screen shows the events; a console writing beside it would spoil the picture.
    let events = HOT_RELOAD.events();
    let mut hot = HotReload::options().console(false).start();
    let mut screen = Screen::stdout();
    let mut world = World::default();
    let mut sign = fountain_scene::sign("The fountain".to_owned());
    loop {
        // The safe point: new code goes live here, and nowhere else.
        hot.update();
        for event in events.try_iter() {
            screen.tell(event.name(), &event.to_string())?;
        }
        fountain_scene::step(&mut world, FRAME.as_secs_f32());
        match screen.show(&world, &sign.line(&world)) {
            // Whoever read this has gone: a program in a pipe ends with its reader.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            outcome => outcome?,
        }
        thread::sleep(FRAME);
    }
}
