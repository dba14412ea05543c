//! Matrix products of a tile's rows, and the matrices that they want in panels.

use std::fmt;

use dl_core::DType;

use crate::cpu::matmul::{Each, Kernels, Operand, Overlap, Right, Room, Sizes, Strided, Windows};
use crate::cpu::parameter::{Panels, Parameter};
use crate::cpu::tiles::data::home::Target;

/// A product of the rows of a tile.
pub(crate) struct Product {
    pub dtype: DType,
    pub a: Left,
    /// How the left operand or the result lies in its rows.
    pub view: View,
    /// What is added to each row of the result: a whole value.
    pub bias: Option<usize>,
    pub out: Target,
    pub form: Form,
    /// The factors of the addend of a fold, and of the fold's elements before the first tile.
    pub scale: (f32, f32),
    /// The packed matrix that it adds to, instead of a fold.
    pub panels: Option<usize>,
    /// The plan's step.
    pub step: usize,
}

/// How a matrix of rows lies.
pub(crate) enum View {
    /// Row by row, all of them.
    Dense,
    /// The left operand is windows of images.
    Windows(Windows),
    /// The result is windows that add up to images.
    Overlap(Overlap),
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
    /// For each row of the tile, products of its own; the left operand may be whole as well.
    Each { b: usize, each: Box<Each> },
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
    /// Whether a single column is in a panel, too.
    pub padded: bool,
}

impl Pack {
    /// Whether another one of the same value has the same elements in the same places.
    pub(crate) fn lies_as(&self, other: &Pack) -> bool {
        let place = |p: &Pack| (p.k, p.n, p.strides, p.padded);
        place(self) == place(other)
    }

    /// Rows and columns, and whether it lies column by column.
    pub(crate) fn sizes(&self) -> (usize, usize, bool) {
        (self.k, self.n, self.n > 1 && self.strides.1 != 1)
    }

    /// Elements that it takes.
    pub(crate) fn len(&self, kernels: &Kernels) -> usize {
        if self.is_column() { kernels.panels_len(1, self.k) } else { kernels.panels_len(self.k, self.n) }
    }

    /// Whether it is one column, whose elements are neighbours.
    fn is_column(&self) -> bool {
        self.n == 1 && !self.padded
    }

    pub(crate) fn fill(&self, kernels: &Kernels, from: &[f32], room: &mut [f32]) {
        let (row, column) = self.strides;
        let from = Operand::F32(Strided { data: from, offset: 0, row, column });
        match self.is_column() {
            // Panels of one row, which is the column.
            true => kernels.pack_panels(room, 1, self.k, from.t()),
            false => kernels.pack_panels(room, self.k, self.n, from),
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
        if self.is_column() { Right::Column(&room[..self.k]) } else { Right::Panels(room) }
    }
}

/// Most members of a team that have images of a tile each, or products.
pub(crate) const MEMBERS: usize = 8;

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
        let view = match self.view {
            View::Dense => "",
            View::Windows(_) => "windows ",
            View::Overlap(_) => "overlap ",
        };
        match &self.form {
            Form::Rows { m, sizes: (k, n), .. } => write!(f, "{view}[{}, {k}]·[{k}, {n}]", rows(*m)),
            Form::Fold { sizes: (m, n), k, .. } => write!(f, "{view}[{m}, {r}]·[{r}, {n}]", r = rows(*k)),
            Form::Each { each, .. } => {
                let Sizes { m, n, k } = each.sizes;
                write!(f, "{} of [{m}, {k}]·[{k}, {n}]", rows(each.count()))
            }
        }
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.k, self.n)
    }
}

impl Product {
    /// The home of the matrix as it lies, if a single row is multiplied by it and may be in parts.
    pub(crate) fn single(&self, rows: usize, kernels: &Kernels) -> Option<usize> {
        match self.form {
            Form::Rows { m, sizes, weights: Weights::Whole(home, (_, 1)) } => {
                (self.is_plain() && rows * m == 1 && kernels.takes_row(sizes)).then_some(home)
            }
            _ => None,
        }
    }

    /// Rows and columns of the fold that it adds to.
    pub(crate) fn folded_sizes(&self) -> Option<(usize, usize)> {
        if let Form::Fold { sizes, .. } = &self.form { Some(*sizes) } else { None }
    }

    /// The values that are read.
    pub(crate) fn inputs(&self) -> Vec<usize> {
        match &self.form {
            Form::Rows { weights: Weights::Whole(w, _), .. } => {
                [self.left(), *w].into_iter().chain(self.bias).collect()
            }
            Form::Rows { .. } => [self.left()].into_iter().chain(self.bias).collect(),
            Form::Fold { b, .. } | Form::Each { b, .. } => vec![self.left(), *b],
        }
    }

    /// The value on the left.
    pub(crate) fn left(&self) -> usize {
        match self.a {
            Left::Home(home) | Left::Converted(_, home) => home,
        }
    }

    /// Whether its left operand is all rows of a value, which may be converted from bytes as it is read.
    pub(crate) fn is_plain(&self) -> bool {
        let each = matches!(self.form, Form::Each { .. });
        self.dtype == DType::F32 && matches!(self.view, View::Dense) && !each
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
            Form::Each { ref each, .. } => {
                let Sizes { m, n, k } = each.sizes;
                Sizes { m: rows * each.count() * m, n, k }
            }
        }
    }

    /// Elements of a row of the left operand.
    pub(crate) fn left_len(&self) -> usize {
        match (&self.view, &self.form) {
            (View::Windows(windows), _) => windows.len,
            (_, Form::Rows { m, sizes: (k, _), .. }) => m * k,
            (_, Form::Fold { sizes: (m, _), k, .. }) => m * k,
            (_, Form::Each { each, .. }) => each.left.each,
        }
    }

    /// Elements of a row of the result, or of the fold.
    pub(crate) fn out_len(&self) -> usize {
        match (&self.view, &self.form) {
            (View::Overlap(overlap), _) => overlap.len,
            (_, Form::Rows { m, sizes: (_, n), .. }) => m * n,
            (_, Form::Fold { sizes: (m, n), .. }) => m * n,
            (_, Form::Each { each, .. }) => each.out.each,
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        let Sizes { m, n, k } = self.sizes(1);
        let left = if let View::Windows(windows) = &self.view { windows.len } else { m * k };
        let (row, whole) = match self.form {
            Form::Rows { .. } => (left + self.out_len(), k * n),
            Form::Fold { .. } => (left + k * n, m * n),
            Form::Each { ref each, .. } => (each.left.each + each.right.each + each.out.each, 0),
        };
        Cost { row: row * self.dtype.bytes(), whole: whole * self.dtype.bytes() }
    }

    /// Rows and columns that it packs itself, for this number of rows of the plan.
    pub(crate) fn packs(&self, rows: usize, kernels: &Kernels) -> (usize, usize) {
        match &self.form {
            // Whole vectors of columns are read where they lie.
            Form::Fold { sizes: (_, n), .. }
                if matches!(self.view, View::Windows(_)) && n.is_multiple_of(kernels.vector()) =>
            {
                (0, 0)
            }
            Form::Fold { sizes: (_, n), k, .. } if self.dtype == DType::F32 && *n > 1 => (rows * k, *n),
            Form::Each { each, .. } if self.dtype == DType::F32 && each.workspace(kernels) > 0 => {
                (rows * each.count() * each.sizes.k, each.sizes.n)
            }
            _ => (0, 0),
        }
    }

    /// Elements of the workspace that it needs for this number of rows.
    pub(crate) fn workspace(&self, kernels: &Kernels, rows: usize) -> usize {
        match (&self.view, &self.form) {
            _ if self.dtype != DType::F32 => 0,
            (View::Windows(windows), Form::Fold { sizes: (_, n), .. }) => windows.workspace(*n, kernels),
            (View::Overlap(overlap), _) => overlap.workspace() * MEMBERS,
            (_, Form::Each { each, .. }) => each.workspace(kernels).saturating_mul(MEMBERS),
            (View::Dense, Form::Fold { sizes: (_, n), k, .. }) => kernels.panels_len(rows * k, *n),
            _ => 0,
        }
    }
}
