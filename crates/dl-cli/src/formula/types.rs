//! Shapes that are not known yet, and what is known of them: which are the same, and which sizes are.

use super::tree::Size;

/// A shape, known or not.
pub(super) type Ty = usize;

/// All shapes and sizes of a formula.
#[derive(Default)]
pub(super) struct Types {
    /// Axes of each shape, where they are known.
    axes: Vec<Option<Vec<usize>>>,
    same: Vec<usize>,
    /// Sizes of axes, where they are known, and which are the same.
    pub(super) sizes: Vec<Option<Size>>,
    same_size: Vec<usize>,
    /// Whether something became known since this was last unset.
    pub(super) learnt: bool,
}

impl Types {
    /// A shape of which nothing is known.
    pub(super) fn unknown(&mut self) -> Ty {
        self.axes.push(None);
        self.same.push(self.axes.len() - 1);
        self.axes.len() - 1
    }

    /// A shape of these axes.
    pub(super) fn known(&mut self, dims: Vec<usize>) -> Ty {
        let ty = self.unknown();
        self.axes[ty] = Some(dims);
        ty
    }

    /// A size; equal names and numbers are one.
    pub(super) fn size(&mut self, value: Option<Size>) -> usize {
        // Equal names are one size.
        if let Some(place) = self.sizes.iter().position(|s| s.is_some() && *s == value) {
            return self.size_root(place);
        }
        self.sizes.push(value);
        self.same_size.push(self.sizes.len() - 1);
        self.sizes.len() - 1
    }

    /// The shape that stands for all that are the same.
    pub(super) fn root(&self, mut ty: Ty) -> Ty {
        while self.same[ty] != ty {
            ty = self.same[ty];
        }
        ty
    }

    /// The size that stands for all that are the same.
    pub(super) fn size_root(&self, mut size: usize) -> usize {
        while self.same_size[size] != size {
            size = self.same_size[size];
        }
        size
    }

    /// The axes, where they are known.
    pub(super) fn axes(&self, ty: Ty) -> Option<Vec<usize>> {
        let axes = self.axes[self.root(ty)].as_ref()?;
        Some(axes.iter().map(|size| self.size_root(*size)).collect())
    }

    /// Makes the axes known.
    pub(super) fn set(&mut self, ty: Ty, dims: Vec<usize>) {
        let root = self.root(ty);
        self.axes[root] = Some(dims);
        self.learnt = true;
    }

    /// Makes two sizes one; an error if they are known and different.
    pub(super) fn one_size(&mut self, a: usize, b: usize) -> Result<(), ()> {
        let (a, b) = (self.size_root(a), self.size_root(b));
        if a == b {
            return Ok(());
        }
        match (&self.sizes[a], &self.sizes[b]) {
            (Some(_), Some(_)) => return Err(()),
            (Some(_), None) => self.same_size[b] = a,
            _ => self.same_size[a] = b,
        }
        self.learnt = true;
        Ok(())
    }

    /// Makes both the same.
    pub(super) fn unify(&mut self, a: Ty, b: Ty) -> Result<(), ()> {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return Ok(());
        }
        match (self.axes[a].clone(), self.axes[b].clone()) {
            (Some(x), Some(y)) if x.len() == y.len() => {
                x.into_iter().zip(y).try_for_each(|(x, y)| self.one_size(x, y))
            }
            (Some(_), Some(_)) => Err(()),
            (Some(_), None) => {
                self.same[b] = a;
                self.learnt = true;
                Ok(())
            }
            _ => {
                self.same[a] = b;
                self.learnt = true;
                Ok(())
            }
        }
    }

    /// The shape for messages.
    pub(super) fn shown(&self, ty: Ty) -> String {
        let Some(axes) = self.axes(ty) else { return "?".into() };
        let size = |size: &usize| match &self.sizes[*size] {
            Some(Size::Number(n)) => n.to_string(),
            Some(Size::Name(name)) => name.clone(),
            None => "?".into(),
        };
        format!("[{}]", axes.iter().map(size).collect::<Vec<_>>().join(", "))
    }
}
