//! The verifier: which invariant a schedule breaks.

use crate::dtype::DType;
use crate::schedule::{
    Access, Along, Axes, Body, BufferId, Domain, Factor, Index, Instr, Kernel, KernelId, Layout, Loops,
    Opaque, Operand, Operation, Product, Register, Schedule, Section, Source,
};

type Check = Result<(), String>;

impl Schedule {
    /// Checks the invariants of schedules, on which executors rely.
    ///
    /// - Buffers, steps and parameters exist. A buffer is read only after the kernel that makes it, rows of
    ///   a stage before its end; a reduction over rows is read only in later stages.
    /// - A buffer is made once, and needed from the kernel that makes it to the last that reads it.
    /// - Registers are defined before they are read. Loads and stores lie inside their buffers and have
    ///   their element type. An elementwise operand has one element, or as many as the result.
    /// - Kernels on whole values read and write whole values. Only kernels on rows reduce rows, and their
    ///   loads of whole values read the same elements for every row.
    /// - The operands of a product have as many elements as its sizes say; only a product of rows by a
    ///   whole matrix has an epilogue, and only there a result is read.
    ///
    /// # Errors
    /// The first kernel that breaks one, and how.
    pub fn verify(&self) -> Check {
        let mut made: Vec<Option<KernelId>> = vec![None; self.buffers.len()];
        let mut read = made.clone();
        for (id, kernel) in self.kernels() {
            Verifier { schedule: self, id }.kernel(kernel).map_err(|why| format!("{id}: {why}"))?;
            for buffer in kernel.reads() {
                *read.get_mut(buffer.index()).ok_or_else(|| format!("{id}: no such buffer"))? = Some(id);
                self.is_ready(buffer, id, &made).map_err(|why| format!("{id}: {why}"))?;
            }
            for buffer in kernel.writes() {
                let place = made.get_mut(buffer.index()).ok_or_else(|| format!("{id}: no such buffer"))?;
                if self.is_source(buffer) || place.is_some() {
                    return Err(format!("{id}: {} is made twice", self.name(buffer)));
                }
                *place = Some(id);
            }
        }
        for (i, buffer) in self.buffers.iter().enumerate() {
            let id = BufferId(i as u32);
            if buffer.lifetime.from != made[i] {
                return Err(format!("{} is not made where its lifetime says", self.name(id)));
            }
            if buffer.lifetime.until.is_some_and(|until| read[i].is_some_and(|last| last > until)) {
                return Err(format!("{} is read after its lifetime", self.name(id)));
            }
        }
        for output in &self.outputs {
            if made[output.index()].is_none() && !self.is_source(*output) {
                return Err(format!("the output {} is not made", self.name(*output)));
            }
        }
        Ok(())
    }

    fn is_ready(&self, buffer: BufferId, reader: KernelId, made: &[Option<KernelId>]) -> Check {
        let known = self.buffers.get(buffer.index()).ok_or("no such buffer")?;
        if self.is_source(buffer) {
            return Ok(());
        }
        let name = self.name(buffer);
        let maker = made[buffer.index()].ok_or_else(|| format!("{name} is read before it is made"))?;
        let reduced = maker.section == Section::Rows && matches!(known.layout, Layout::Whole(_));
        if reduced && maker.stage >= reader.stage {
            return Err(format!("{name} is complete at the end of the stage"));
        }
        Ok(())
    }
}

struct Verifier<'s> {
    schedule: &'s Schedule,
    id: KernelId,
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(why()) }
}

impl Verifier<'_> {
    fn kernel(&self, kernel: &Kernel) -> Check {
        let rows = self.id.section == Section::Rows;
        match kernel {
            Kernel::Pointwise(pointwise) => {
                ensure(rows == (pointwise.domain == Domain::Rows), || "the domain is another's".into())?;
                self.body(&pointwise.body, pointwise.domain, None)
            }
            Kernel::Product(product) => {
                ensure(rows == (product.along != Along::Nothing), || "rows of a whole product".into())?;
                self.product(product)
            }
            Kernel::Opaque(opaque) => self.opaque(opaque),
            Kernel::Loop(looped) => self.schedule.verify_loop(looped, &|kernel| self.kernel(kernel)),
        }
    }

    fn layout(&self, buffer: BufferId) -> Result<(Layout, DType), String> {
        let buffer = self.schedule.buffers.get(buffer.index()).ok_or("no such buffer")?;
        ensure(self.id.section == Section::Rows || matches!(buffer.layout, Layout::Whole(_)), || {
            "rows in a kernel on whole values".into()
        })?;
        Ok((buffer.layout, buffer.dtype))
    }

    fn opaque(&self, opaque: &Opaque) -> Check {
        let plan = &self.schedule.plan;
        let step = plan.steps().get(opaque.step.index()).ok_or("no such step")?;
        ensure(step.args.len() == opaque.args.len(), || "as many operands as the step has".into())?;
        opaque.args.iter().filter_map(|a| a.buffer()).try_for_each(|arg| self.layout(arg).map(drop))?;
        ensure(step.results().count() == opaque.outs.len(), || "as many results as the step has".into())?;
        for (result, out) in step.results().zip(&opaque.outs) {
            let (layout, dtype) = self.layout(*out)?;
            ensure(dtype == plan.value(result).dtype, || "the result's element type".into())?;
            let folds = self.id.section == Section::Rows && matches!(layout, Layout::Whole(_));
            ensure(folds == opaque.fold.is_some(), || "only rows are reduced, and into whole values".into())?;
        }
        Ok(())
    }

    fn product(&self, product: &Product) -> Check {
        let sizes = product.sizes;
        let rows = match product.along {
            Along::M => Some((true, false)),
            Along::K => Some((true, true)),
            Along::Nothing => Some((false, false)),
            Along::Each => None,
        };
        let (rows_left, rows_right) = (rows.map(|r| r.0), rows.map(|r| r.1));
        let start = |axes: fn(&Loops) -> &Axes| {
            let of = |loops: &Loops| (loops.count > 0).then(|| axes(loops).reach());
            product.loops.as_deref().map_or(Some(0), of)
        };
        self.factor(&product.left, (sizes.m, sizes.k), (rows_left, start(|l| &l.left)), product.dtype)?;
        self.factor(&product.right, (sizes.k, sizes.n), (rows_right, start(|l| &l.right)), product.dtype)?;
        if let Some(overlap) = &product.overlap {
            overlap.check(sizes)?;
            ensure(product.along == Along::M, || "only rows add up to images".into())?;
        }
        if let Some(loops) = &product.loops {
            loops.check(sizes)?;
            ensure(matches!(product.along, Along::Each | Along::Nothing), || "loops around a sum".into())?;
        }
        product.bias.map_or(Ok(()), |bias| self.whole(bias, sizes.n, product.dtype))?;
        let (len, each) = (product.out_len(), matches!(product.along, Along::M | Along::Each));
        match product.out.map(|out| self.layout(out)).transpose()? {
            Some((Layout::Rows(own), dtype)) => {
                ensure(each && own == len && dtype == product.dtype, || "its rows".into())
            }
            Some((Layout::Whole(own), dtype)) => {
                ensure(!each && own == len && dtype == product.dtype, || "its sum".into())
            }
            None => ensure(product.epilogue.is_some(), || "nobody reads the result".into()),
        }?;
        let Some(epilogue) = &product.epilogue else { return Ok(()) };
        ensure(each, || "an epilogue of a sum over rows".into())?;
        self.body(epilogue, Domain::Rows, Some((len, product.dtype)))
    }

    fn factor(
        &self,
        factor: &Factor,
        size: (usize, usize),
        (rows, start): (Option<bool>, Option<usize>),
        dtype: DType,
    ) -> Check {
        let (layout, own) = match &factor.source {
            Source::Buffer(buffer) => self.layout(*buffer)?,
            Source::Prologue(body) => {
                self.body(body, Domain::Rows, None)?;
                let last = body.instrs.last().ok_or("an empty prologue")?;
                (Layout::Rows(last.len), last.dtype)
            }
        };
        ensure(own == dtype, || format!("an operand of {own} in a product of {dtype}"))?;
        let fits = rows.is_none_or(|rows| rows == matches!(layout, Layout::Rows(_)));
        ensure(fits, || "an operand of another layout".into())?;
        ensure((factor.rows.size(), factor.columns.size()) == size, || "an operand of another size".into())?;
        let reach = start.map_or(0, |start| start + factor.rows.reach() + factor.columns.reach());
        ensure(start.is_none() || size.0 * size.1 == 0 || reach < layout.len(), || {
            format!("element {reach} of an operand of {}", layout.len())
        })
    }

    fn body(&self, body: &Body, domain: Domain, result: Option<(usize, DType)>) -> Check {
        for (i, instr) in body.instrs.iter().enumerate() {
            self.instr(instr, &body.instrs[..i], domain, result)
                .map_err(|why| format!("{}: {why}", Register(i as u32)))?;
        }
        Ok(())
    }

    fn instr(
        &self,
        instr: &Instr,
        before: &[Instr],
        domain: Domain,
        result: Option<(usize, DType)>,
    ) -> Check {
        let steps = self.schedule.plan.steps().len();
        ensure(instr.step.index() < steps, || "no such step".into())?;
        for register in instr.operation.registers() {
            let defined = before.get(register.index()).is_some_and(|i| i.operation.written().is_none());
            ensure(defined, || format!("{register} is not defined"))?;
        }
        let of = |register: Register| &before[register.index()];
        let fits = |operand: &Operand| match operand {
            Operand::Register(register) => of(*register).len == instr.len || of(*register).len == 1,
            Operand::Number(_) => true,
        };
        let is = |register: Register, len: usize| {
            ensure(of(register).len == len, || {
                format!("{register} has {} elements, not {len}", of(register).len)
            })
        };
        let indices = |index: &Index| {
            ensure(of(index.register).dtype == DType::I64, || "indices are i64".into())?;
            is(index.register, index.count())
        };
        match &instr.operation {
            Operation::Load { buffer, access } => self.load(*buffer, *access, instr, domain),
            Operation::Result => ensure(result == Some((instr.len, instr.dtype)), || "no such result".into()),
            Operation::Unary { x, .. } | Operation::Cast { x, .. } | Operation::Copy(x) => {
                ensure(fits(x), || "an operand of another length".into())
            }
            Operation::Binary { x, y, .. } => {
                ensure(fits(x) && fits(y), || "an operand of another length".into())
            }
            Operation::Select(c, a, b) => {
                ensure(fits(c) && fits(a) && fits(b), || "an operand of another length".into())
            }
            Operation::Reduce { of, run, .. } => is(*of, instr.len * run),
            Operation::Gather { of: x, map, .. } => {
                let inside = |place: &Option<u32>| place.is_none_or(|p| (p as usize) < of(*x).len);
                ensure(map.len() == instr.len && map.iter().all(inside), || "a place outside".into())
            }
            Operation::Concat(parts) => parts.iter().try_for_each(|(register, map)| {
                is(*register, map.len())?;
                ensure(map.iter().all(|p| (*p as usize) < instr.len), || "a place outside".into())
            }),
            Operation::Count { .. } | Operation::Random { .. } => Ok(()),
            Operation::Pick { from, index } => {
                indices(index)?;
                is(*from, instr.len * index.along)
            }
            Operation::Lookup { table, index, width } => {
                indices(index)?;
                ensure(instr.len == index.count() * width, || "rows of the table".into())?;
                self.whole(*table, index.along * width, instr.dtype)
            }
            Operation::Place { index, update } => {
                indices(index)?;
                is(*update, index.count())?;
                ensure(instr.len == index.count() * index.along, || "runs of the axis".into())
            }
            Operation::Store { buffer, of } => {
                is(*of, instr.len)?;
                let (layout, dtype) = self.layout(*buffer)?;
                let holds = match domain {
                    Domain::Rows => layout == Layout::Rows(instr.len),
                    Domain::Elements(count) => layout == Layout::Whole(count) && instr.len == 1,
                };
                ensure(holds && dtype == instr.dtype, || "a store into another layout".into())
            }
            Operation::Fold { buffer, of, .. } => {
                is(*of, instr.len)?;
                ensure(domain == Domain::Rows, || "only rows are reduced".into())?;
                self.whole(*buffer, instr.len, instr.dtype)
            }
            Operation::Scatter { buffer, index, update, width } => {
                indices(index)?;
                is(*update, index.count() * width)?;
                ensure(domain == Domain::Rows, || "only rows are reduced".into())?;
                self.whole(*buffer, index.along * width, instr.dtype)
            }
        }
    }

    fn whole(&self, buffer: BufferId, len: usize, dtype: DType) -> Check {
        let own = self.layout(buffer)?;
        ensure(own == (Layout::Whole(len), dtype), || format!("a whole value of {len} elements of {dtype}"))
    }

    fn load(&self, buffer: BufferId, access: Access, instr: &Instr, domain: Domain) -> Check {
        let (layout, dtype) = self.layout(buffer)?;
        ensure(dtype == instr.dtype, || format!("a load of {} from {dtype}", instr.dtype))?;
        let holds = match (layout, domain) {
            (Layout::Rows(len), _) => access == Access::rows(len) && instr.len == len,
            (Layout::Whole(len), Domain::Rows) => access == Access::same(len) && instr.len == len,
            (Layout::Whole(len), Domain::Elements(count)) => {
                let one = access.row == 0 && len == 1;
                instr.len == 1 && access.element == 0 && (one || access.row == 1 && len == count)
            }
        };
        ensure(holds, || format!("a load outside {}", self.schedule.name(buffer)))
    }
}
