//! A grid of characters to draw on.

/// A colour of the terminal's palette of 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8);

/// A picture of the world, two columns to the metre and one row, with the nozzle in the middle of
/// the lowest row.
#[derive(Debug)]
pub struct Canvas {
    columns: usize,
    cells: Vec<Option<(char, Colour)>>,
}

impl Canvas {
    /// An empty picture.
    pub fn new(columns: usize, rows: usize) -> Canvas {
        Canvas {
            columns,
            cells: vec![None; columns * rows],
        }
    }

    /// Puts `glyph` to where a point of the world is seen; nowhere, if that is outside the picture.
    pub fn put(&mut self, x: f32, y: f32, glyph: char, colour: Colour) {
        let rows = self.cells.len() / self.columns;
        let column = (x * 2.0).round() + (self.columns / 2) as f32;
        let row = rows as f32 - 1.0 - y.round();
        if (0.0..self.columns as f32).contains(&column) && (0.0..rows as f32).contains(&row) {
            self.cells[row as usize * self.columns + column as usize] = Some((glyph, colour));
        }
    }

    /// The rows of the picture, from top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[Option<(char, Colour)>]> {
        self.cells.chunks(self.columns)
    }
}
