//! What the fountain does and how it looks. Start the program, edit this file, save.
//!
//! The [`World`] belongs to the program and lives through every save; the functions below are run
//! by it in their newest version.

mod canvas;

use hot_abi::{hot_entry, hot_fn, hot_node, hot_trait};

pub use canvas::{Canvas, Colour};

hot_entry!();

/// All the water there is. Lengths are metres, times are seconds.
#[derive(Debug)]
pub struct World {
    /// The frames since the program was started.
    pub frame: u64,
    /// The droplets in the air.
    pub droplets: Vec<Droplet>,
    chance: u64,
}

/// A bit of water in the air.
#[derive(Clone, Debug)]
pub struct Droplet {
    /// To the right of the nozzle.
    pub x: f32,
    /// Above the nozzle.
    pub y: f32,
    /// Speed to the right.
    pub vx: f32,
    /// Speed upwards.
    pub vy: f32,
}

impl Default for World {
    fn default() -> World {
        World {
            frame: 0,
            droplets: Vec::new(),
            chance: 0x2545_F491_4F6C_DD1D,
        }
    }
}

impl World {
    /// A number between -1 and 1, another one each time.
    fn chance(&mut self) -> f32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Lets `dt` seconds pass.
#[hot_fn]
pub fn step(world: &mut World, dt: f32) {
    let gravity = 9.8;
    let strength = 15.0;
    let spread = 2.5;

    world.frame += 1;
    let (vx, vy) = (world.chance() * spread, strength + world.chance());
    world.droplets.push(Droplet {
        x: 0.0,
        y: 0.0,
        vx,
        vy,
    });
    for droplet in &mut world.droplets {
        droplet.vy -= gravity * dt;
        droplet.x += droplet.vx * dt;
        droplet.y += droplet.vy * dt;
    }
    world.droplets.retain(|droplet| droplet.y >= 0.0);
}

/// Draws the water.
#[hot_fn]
pub fn paint(world: &World, canvas: &mut Canvas) {
    for droplet in &world.droplets {
        let (glyph, colour) = if droplet.vy > 4.0 {
            ('|', Colour(27))
        } else if droplet.vy > -4.0 {
            ('o', Colour(51))
        } else {
            ('.', Colour(33))
        };
        canvas.put(droplet.x, droplet.y, glyph, colour);
    }
}

/// Something that reports on the world in a line.
#[hot_trait]
pub trait Report {
    /// The line, as of now.
    fn line(&mut self, world: &World) -> String;
}

/// The sign at the fountain's foot, with the fountain's `name`.
#[hot_node]
pub fn sign(name: String) -> Box<dyn Report> {
    Box::new(Sign { name, highest: 0.0 })
}

struct Sign {
    name: String,
    /// The highest droplet since this sign was put up: a new version puts up a new one.
    highest: f32,
}

impl Report for Sign {
    fn line(&mut self, world: &World) -> String {
        let highest = world
            .droplets
            .iter()
            .map(|droplet| droplet.y)
            .fold(0.0, f32::max);
        self.highest = self.highest.max(highest);
        format!(
            "{}: {} droplets, up to {:.1} m",
            self.name,
            world.droplets.len(),
            self.highest
        )
    }
}
