//! Matrix products of a tile's rows, and the matrices that they want in panels.

use std::fmt;

use dl_core::DType;

use crate::cpu::matmul::{Kernels, Operand, Right, Room, Sizes, Strided};
use crate::cpu::parameter::{Panels, Parameter};
use crate::cpu::tiles::data::home::Target;

/// A product of the rows of a tile.
pub(crate) struct Product {
    pub dtype: DType,
    pub a: Left,
    pub out: Target,
    pub form: Form,
    /// The factors of the addend of a fold, and of the fold's elements before the first tile.
    pub scale: (f32, f32),
    /// The packed matrix that it adds to, instead of a fold.
    pub panels: Option<usize>,
    /// The plan's step.
    pub step: usize,
}

/// The left operand.
#[derive(Clone, Copy)]
pub(crate) enum Left {
    Home(usize),
    /// By the list of inputs that are converted, and the home of its bytes.
    Converted(usize, usize),
}

pub(crate) enum Form {
    /// For each row of the tile, `m` rows of `k` elements, by a whole matrix `[k, n]`.
    Rows { m: usize, sizes: (usize, usize), weights: Weights },
    /// `aᵀ·b` over rows, `k` for each of the tile, into a fold of `[m, n]`.
    Fold { b: usize, sizes: (usize, usize), k: usize },
}

pub(crate) enum Weights {
    /// In panels, by the list of those that a run packs.
    Packed(usize),
    /// As the value lies, with the distances between its rows and columns.
    Whole(usize, (isize, isize)),
}

/// A whole matrix that is packed before the first tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    /// The plan's value.
    pub value: usize,
    pub stage: usize,
    pub k: usize,
    pub n: usize,
    pub strides: (isize, isize),
}

impl Pack {
    /// Rows and columns, and whether it lies column by column.
    pub(crate) fn sizes(&self) -> (usize, usize, bool) {
        (self.k, self.n, self.n > 1 && self.strides.1 != 1)
    }

    /// Elements that it takes.
    pub(crate) fn len(&self, kernels: &Kernels) -> usize {
        if self.n == 1 { kernels.panels_len(1, self.k) } else { kernels.panels_len(self.k, self.n) }
    }

    pub(crate) fn fill(&self, kernels: &Kernels, from: &[f32], room: &mut [f32]) {
        let (row, column) = self.strides;
        let from = Operand::F32(Strided { data: from, offset: 0, row, column });
        match self.n {
            // Panels of one row, which is the column.
            1 => kernels.pack_panels(room, 1, self.k, from.t()),
            n => kernels.pack_panels(room, self.k, n, from),
        }
    }

    /// Rows and columns of the parameter that it is the whole of, as it lies.
    pub(crate) fn plain(&self) -> Option<(usize, usize)> {
        (self.n > 1 && self.strides == (self.n as isize, 1)).then_some((self.k, self.n))
    }

    /// Such panels, for a parameter to be kept in.
    pub(crate) fn panels(&self, room: Room, kernels: Kernels) -> Panels {
        Panels { room, rows: self.k, columns: self.n, kernels }
    }

    pub(crate) fn is_in(&self, parameter: &Parameter) -> bool {
        parameter.has_panels(self.k, self.n)
    }

    pub(crate) fn take_from(&self, parameter: &mut Parameter) -> Option<Room> {
        parameter.take_panels(self.k, self.n)
    }

    pub(crate) fn right<'r>(&self, room: &'r [f32]) -> Right<'r> {
        if self.n == 1 { Right::Column(&room[..self.k]) } else { Right::Panels(room) }
    }
}

/// The bytes that a product reads and writes.
pub(crate) struct Cost {
    /// For each row of the plan.
    pub row: usize,
    /// Of the matrix that has no rows of the plan.
    pub whole: usize,
}

/// The sizes, with `r` for the rows of the plan.
impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |n: usize| if n == 1 { "r".into() } else { format!("{n}r") };
        match &self.form {
            Form::Rows { m, sizes: (k, n), .. } => write!(f, "[{}, {k}]·[{k}, {n}]", rows(*m)),
            Form::Fold { sizes: (m, n), k, .. } => write!(f, "[{m}, {r}]·[{r}, {n}]", r = rows(*k)),
        }
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.k, self.n)
    }
}

impl Product {
    /// Rows and columns of the fold that it adds to.
    pub(crate) fn folded_sizes(&self) -> Option<(usize, usize)> {
        if let Form::Fold { sizes, .. } = &self.form { Some(*sizes) } else { None }
    }

    /// The values that are read.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        match &self.form {
            Form::Rows { weights: Weights::Whole(w, _), .. } => vec![self.left(), *w],
            Form::Rows { .. } => vec![self.left()],
            Form::Fold { b, .. } => vec![self.left(), *b],
        }
    }

    /// The value on the left.
    pub(crate) fn left(&self) -> usize {
        match self.a {
            Left::Home(home) | Left::Converted(_, home) => home,
        }
    }

    /// Has the bytes of the list's place for its left operand, if that is `home`.
    pub(crate) fn convert(&mut self, home: usize, (place, bytes): (usize, usize)) {
        if self.left() == home {
            self.a = Left::Converted(place, bytes);
        }
    }

    /// What it converts, by the list.
    pub(crate) fn converted(&self) -> Option<usize> {
        if let Left::Converted(place, _) = self.a { Some(place) } else { None }
    }

    /// Its sizes for this number of rows of the plan.
    pub(crate) fn sizes(&self, rows: usize) -> Sizes {
        match self.form {
            Form::Rows { m, sizes: (k, n), .. } => Sizes { m: rows * m, n, k },
            Form::Fold { sizes: (m, n), k, .. } => Sizes { m, n, k: rows * k },
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        let Sizes { m, n, k } = self.sizes(1);
        let (row, whole) = match self.form {
            Form::Rows { .. } => (m * k + m * n, k * n),
            Form::Fold { .. } => (k * m + k * n, m * n),
        };
        Cost { row: row * self.dtype.bytes(), whole: whole * self.dtype.bytes() }
    }

    /// Rows and columns that it packs itself, for this number of rows of the plan.
    pub(crate) fn packs(&self, rows: usize) -> (usize, usize) {
        match &self.form {
            Form::Fold { sizes: (_, n), k, .. } if self.dtype == DType::F32 && *n > 1 => (rows * k, *n),
            _ => (0, 0),
        }
    }

    /// Elements of the workspace that it needs for this number of rows.
    pub(crate) fn workspace(&self, kernels: &Kernels, rows: usize) -> usize {
        match &self.form {
            Form::Fold { sizes: (_, n), k, .. } if self.dtype == DType::F32 => {
                kernels.panels_len(rows * k, *n)
            }
            _ => 0,
        }
    }
}
