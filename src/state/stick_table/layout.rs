//! Where an entry's numbers stand: the same for all entries of a table.

use crate::base::stick::{DataType, Shape, TableSpec};

/// Places of the data types among the cells of an entry.
pub(super) struct Layout {
    places: [Place; DataType::ALL.len()],
    cells: usize,
}

/// A place among the cells.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    /// One cell.
    Number(usize),
    /// Three cells.
    Rate { at: usize, period_ms: u64 },
}

#[derive(Clone, Copy, Default)]
struct Place {
    start: u16,
    elements: u16,
    period_ms: u32,
}

impl Layout {
    pub(super) fn new(spec: &TableSpec) -> Layout {
        let mut places = [Place::default(); DataType::ALL.len()];
        let mut cells = 0_u16;
        for stored in &spec.store {
            let width = match stored.data.shape() {
                Shape::Server => continue,
                Shape::Number | Shape::Numbers => 1,
                Shape::Rate | Shape::Rates => 3,
            };
            let place = Place { start: cells, elements: stored.elements, period_ms: stored.period_ms };
            // The index is that of the enum, which has as many variants as there are places.
            places[stored.data as usize] = place;
            cells += width * stored.elements;
        }
        Layout { places, cells: usize::from(cells) }
    }

    /// How many cells an entry has.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// The place of an element, also where it is part of an array: `gpc0` is the first of `gpc(2)`.
    pub(super) fn find(&self, data: DataType, element: u16) -> Option<Cell> {
        let own = self.places[data as usize];
        if own.elements > 0 {
            return own.cell(data, element);
        }
        let (array, at) = data.in_array()?;
        self.places[array as usize].cell(array, at)
    }
}

impl Place {
    fn cell(self, data: DataType, element: u16) -> Option<Cell> {
        if element >= self.elements {
            return None;
        }
        let start = usize::from(self.start);
        Some(match data.shape() {
            Shape::Rate | Shape::Rates => {
                Cell::Rate { at: start + 3 * usize::from(element), period_ms: u64::from(self.period_ms) }
            }
            Shape::Number | Shape::Numbers | Shape::Server => Cell::Number(start + usize::from(element)),
        })
    }
}
