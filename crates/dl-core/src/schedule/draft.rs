//! What selection makes of a plan's rows: instructions over values in single-assignment form that are not
//! in kernels yet.

use std::collections::{HashMap, HashSet};

use crate::dim::Dims;
use crate::dtype::{DType, Scalar};
use crate::interp::each_index;
use crate::ops::Op;
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::schedule::item::{Item, Level, RowId, Work};
use crate::schedule::maps;
use crate::schedule::readers::Readers;
use crate::schedule::view::View;
use crate::schedule::{
    Access, Batch, Buffer, BufferId, Content, Instr, Layout, Lifetime, Operand, Operation, Part, StageId,
    StepId,
};
use crate::tensor::Tensor;

/// What is known of a value of the rows.
#[derive(Clone, Debug)]
pub(super) struct RowValue {
    pub dtype: DType,
    /// Elements of a row.
    pub len: usize,
    /// Where it is loaded from; none if it is computed.
    pub load: Option<(BufferId, Access)>,
    /// The value of the plan that it is, if it is one.
    pub of: Option<ValueId>,
    /// The stage that computes it, and its level there.
    ready: (StageId, u32),
}

/// The state of selection.
#[derive(Clone)]
pub(super) struct Draft<'p> {
    pub plan: &'p Plan,
    pub batch: &'p Batch,
    pub dims: &'p Dims,
    /// Of the plan's values, for a batch of one row.
    pub row_shapes: &'p [Vec<usize>],
    pub buffers: Vec<Buffer>,
    pub values: Vec<RowValue>,
    pub items: Vec<Item>,
    /// The rows that outputs are, by the plan's list; none for whole values.
    pub outputs: Vec<Option<RowId>>,
    /// The plan's values along rows.
    pub operands: Vec<Option<Operand<RowId>>>,
    /// The buffers of whole values, and of inputs.
    held: Vec<Option<BufferId>>,
    loads: HashMap<(BufferId, Access), RowId>,
    /// The buffers of rows that leave their kernels.
    stored: HashMap<RowId, BufferId>,
    pub step: StepId,
    /// The step of a scan's body that is at work, whose scan `step` is.
    pub inside: Option<&'p Step>,
    pub readers: Readers<'p>,
    /// The values along rows that are windows over others, and have no elements of their own so far.
    pub views: Vec<Option<View>>,
    /// By value and stage, the elements of views.
    pub copies: HashMap<(ValueId, StageId), RowId>,
    /// The values that a product makes on its way to another one.
    pub passed: HashSet<ValueId>,
    /// By value and stage, what a later stage computes anew.
    pub renewed: HashMap<(ValueId, StageId), Operand<RowId>>,
}

impl RowValue {
    /// What is there at the beginning of a stage.
    pub(super) fn loaded(load: (BufferId, Access), (dtype, len): (DType, usize), stage: StageId) -> RowValue {
        RowValue { dtype, len, load: Some(load), of: None, ready: (stage, 0) }
    }
}

impl<'p> Draft<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        batch: &'p Batch,
        dims: &'p Dims,
        row_shapes: &'p [Vec<usize>],
    ) -> Self {
        let mut draft = Draft {
            plan,
            batch,
            dims,
            row_shapes,
            buffers: vec![],
            values: vec![],
            items: vec![],
            outputs: vec![],
            operands: vec![None; plan.values().len()],
            held: vec![None; plan.values().len()],
            loads: HashMap::new(),
            stored: HashMap::new(),
            step: StepId(0),
            inside: None,
            readers: Readers::new(plan),
            views: vec![None; plan.values().len()],
            copies: HashMap::new(),
            passed: HashSet::new(),
            renewed: HashMap::new(),
        };
        for input in plan.inputs() {
            let buffer = draft.held(input.value);
            if let Layout::Rows(len) = draft.buffers[buffer.index()].layout {
                let row = draft.load(buffer, Access::rows(len), len);
                draft.operands[input.value.index()] = Some(Operand::Register(row));
            }
        }
        draft
    }

    pub(super) fn buffer(&mut self, dtype: DType, layout: Layout, content: Content) -> BufferId {
        self.buffers.push(Buffer { dtype, layout, content, lifetime: Lifetime::default() });
        BufferId((self.buffers.len() - 1) as u32)
    }

    /// The buffer of an input, a parameter or another whole value, made when it is first asked for.
    pub(super) fn held(&mut self, value: ValueId) -> BufferId {
        if let Some(buffer) = self.held[value.index()] {
            return buffer;
        }
        let len = self.row(value).iter().product();
        let layout = if self.is_rows(value) { Layout::Rows(len) } else { Layout::Whole(len) };
        let buffer = self.buffer(self.plan.value(value).dtype, layout, Content::Value(value));
        self.held[value.index()] = Some(buffer);
        buffer
    }

    /// The buffer for rows that leave the kernel that computes them.
    pub(super) fn buffer_of_rows(&mut self, row: RowId) -> BufferId {
        let RowValue { dtype, len, load, of, .. } = *self.value(row);
        if let Some((buffer, _)) = load {
            return buffer;
        }
        if let Some(buffer) = self.stored.get(&row) {
            return *buffer;
        }
        let content = of.map_or(Content::Between, Content::Value);
        let buffer = self.buffer(dtype, Layout::Rows(len), content);
        self.stored.insert(row, buffer);
        buffer
    }

    /// The shape of a row (or of a whole value).
    pub(super) fn row(&self, value: ValueId) -> &'p [usize] {
        &self.row_shapes[value.index()]
    }

    pub(super) fn is_rows(&self, value: ValueId) -> bool {
        matches!(self.batch.part(value), Part::Rows(_))
    }

    pub(super) fn stage(&self) -> StageId {
        self.batch.part(self.plan.steps()[self.step.index()].result).stage()
    }

    /// The step at work, of the plan or of the body of a scan.
    pub(super) fn at(&self) -> &'p Step {
        self.inside.unwrap_or(&self.plan.steps()[self.step.index()])
    }

    pub(super) fn value(&self, row: RowId) -> &RowValue {
        &self.values[row.index()]
    }

    pub(super) fn define(&mut self, value: RowValue) -> RowId {
        self.values.push(value);
        RowId((self.values.len() - 1) as u32)
    }

    /// A load, one for all that read the same elements.
    pub(super) fn load(&mut self, buffer: BufferId, access: Access, len: usize) -> RowId {
        if let Some(row) = self.loads.get(&(buffer, access)) {
            return *row;
        }
        let dtype = self.buffers[buffer.index()].dtype;
        let row = self.define(RowValue::loaded((buffer, access), (dtype, len), StageId::FIRST));
        self.loads.insert((buffer, access), row);
        row
    }

    /// A whole value, the same for each row.
    pub(super) fn whole(&mut self, value: ValueId) -> RowId {
        let (buffer, len) = (self.held(value), self.row(value).iter().product());
        self.load(buffer, Access::same(len), len)
    }

    /// Numbers that sizes determine, the same for each row.
    pub(super) fn known(&mut self, tensor: Tensor) -> RowId {
        let len = tensor.len();
        let buffer = self.buffer(tensor.dtype(), Layout::Whole(len), Content::Known(tensor));
        self.load(buffer, Access::same(len), len)
    }

    /// Whether all rows are the same elements of memory.
    pub(super) fn is_same(&self, row: RowId) -> bool {
        self.value(row).load.is_some_and(|(_, access)| access.row == 0)
    }

    /// The level of something that reads these values.
    pub(super) fn level(&self, stage: StageId, reads: &[RowId]) -> u32 {
        let here = reads.iter().map(|r| self.value(*r).ready).filter(|(s, _)| *s == stage);
        here.map(|(_, level)| level).max().unwrap_or(0)
    }

    /// A value that is computed at a level of a stage.
    pub(super) fn computed(&mut self, stage: StageId, dtype: DType, len: usize, level: u32) -> RowId {
        let ready = (stage, level);
        self.define(RowValue { dtype, len, load: None, of: None, ready })
    }

    pub(super) fn push(&mut self, level: Level, work: Work) {
        let item = Item { stage: self.stage(), level, work };
        self.items.push(item);
    }

    /// Adds an instruction whose result has the type of `like` and `len` elements a row.
    pub(super) fn emit(&mut self, operation: Operation<RowId>, like: ValueId, len: usize) -> RowId {
        let level = self.level(self.stage(), &operation.registers());
        let dtype = self.plan.value(like).dtype;
        let out = self.computed(self.stage(), dtype, len, level);
        let instr = Instr { operation, dtype, len, step: self.step };
        self.push(Level::After(level), Work::Row(instr, Some(out)));
        out
    }

    /// The present step's operand along rows.
    pub(super) fn operand(&self, arg: &Arg) -> Result<Operand<RowId>, String> {
        match arg {
            Arg::Value(v) => {
                let renewed = self.renewed.get(&(*v, self.stage())).copied();
                renewed.or(self.operands[v.index()]).ok_or_else(|| format!("%{} has no rows", v.0))
            }
            Arg::Constant(value) => Ok(Operand::Number(*value)),
            Arg::Extent(dim) => {
                let step = self.at();
                Ok(Operand::Number(dim.number(self.dims, self.plan.number_type(step))?))
            }
        }
    }

    /// The value along rows as elements of another one, which is not copied for it.
    pub(super) fn view(&self, value: ValueId) -> View {
        let view = self.views[value.index()].clone().filter(|view| self.is_rows(view.of));
        view.unwrap_or_else(|| View::dense(value, self.row(value)))
    }

    /// The elements of a view, once in each stage that reads them.
    fn unfolded(&mut self, value: ValueId, view: &View) -> Result<RowId, String> {
        if let Some(row) = self.copies.get(&(value, self.stage())) {
            self.operands[value.index()] = Some(Operand::Register(*row));
            return Ok(*row);
        }
        let shape = self.row(value);
        let of = if self.is_rows(view.of) { self.dense(view.of)? } else { self.whole(view.of) };
        let len = shape.iter().product();
        maps::check(len)?;
        let place = |index: &[usize]| index.iter().zip(&view.distances).map(|(i, d)| i * d).sum::<usize>();
        let map = each_index(shape, |index| Some(place(index) as u32));
        let row = self.emit(Operation::Gather { of, map, fill: Scalar::Float(0.0) }, value, len);
        self.operands[value.index()] = Some(Operand::Register(row));
        self.copies.insert((value, self.stage()), row);
        Ok(row)
    }

    /// A whole value that is repeated along the axes of a row: each stage that reads it repeats it anew, since
    /// that costs less than to keep it.
    pub(super) fn repeated(&self, step: &Step) -> Option<View> {
        let Op::Broadcast(axes) = &step.op else { return None };
        let of = step.args[0].value().filter(|v| !self.is_rows(*v))?;
        let (from, to) = (self.row(of), self.row(step.result));
        let (own, len): (usize, usize) = (from.iter().product(), to.iter().product());
        let dense = View::dense(of, from).distances;
        let distance = |axis: usize| axes.iter().position(|a| *a == axis).map_or(0, |i| dense[i]);
        let lazy = own > 1 && len > own && !self.readers.is_wanted(step.result);
        lazy.then(|| View { of, distances: (0..to.len()).map(distance).collect() })
    }

    /// A value's rows, with as many elements as it has.
    pub(super) fn dense(&mut self, value: ValueId) -> Result<RowId, String> {
        if let Some(view) = self.views[value.index()].clone() {
            return self.unfolded(value, &view);
        }
        let operand = self.operand(&Arg::Value(value))?;
        let len = self.row(value).iter().product();
        if let Operand::Register(row) = operand
            && !self.is_same(row)
            && self.value(row).len == len
        {
            return Ok(row);
        }
        let row = self.emit(Operation::Copy(operand), value, len);
        // A copy of a later stage is not there yet for others of the value's own.
        if self.batch.part(value).stage() == self.stage() {
            self.operands[value.index()] = Some(Operand::Register(row));
            self.values[row.index()].of = self.held[value.index()].is_none().then_some(value);
        }
        Ok(row)
    }
}
