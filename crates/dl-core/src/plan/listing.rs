//! A plan as a listing that people can read: each step with its parameters, operands and result.

use std::fmt;

use crate::dtype::DType;
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::print::{Applied, constant};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for slot in &self.inputs {
            writeln!(
                f,
                "input      {} = {}: {} {}",
                name(slot.value),
                slot.decl.name,
                slot.decl.dtype,
                slot.decl.shape
            )?;
        }
        for slot in &self.parameters {
            if let Some(value) = slot.value {
                writeln!(
                    f,
                    "parameter  {} = {}: {} {}",
                    name(value),
                    slot.decl.name,
                    slot.decl.dtype,
                    slot.decl.shape
                )?;
            }
        }
        for step in &self.steps {
            self.lines(step, "").iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        for slot in &self.parameters {
            if let Some(update) = slot.update {
                writeln!(f, "update     {} ← {}", slot.decl.name, name(update))?;
            }
        }
        for slot in &self.outputs {
            writeln!(f, "output     {} = {}", slot.name, name(slot.value))?;
        }
        Ok(())
    }
}

impl Plan {
    /// The element type of the numbers that a step computes with.
    fn operands(&self, step: &Step) -> DType {
        let types = step.args.iter().filter_map(|arg| match arg {
            Arg::Value(v) => Some(self.value(*v).dtype),
            _ => None,
        });
        let own = self.value(step.result).dtype;
        std::iter::once(own).chain(types).find(|dtype| dtype.is_float()).unwrap_or(own)
    }

    /// The lines of a step: of a scan those of its body too, further in.
    fn lines(&self, step: &Step, indent: &str) -> Vec<String> {
        let Some(repeat) = &step.repeat else { return vec![format!("{indent}{}", self.line(step))] };
        let typed = |v: ValueId| format!("{}: {} {}", name(v), self.value(v).dtype, self.value(v).shape);
        let order = if repeat.reverse { ", last first" } else { "" };
        let head = format!("{indent}repeat     {} times{order}{}", repeat.length, freed(step));
        let inside = format!("{indent}  ");
        let mut lines = vec![head];
        for carry in &repeat.carries {
            let value = carry.value.map_or_else(|| "_".to_owned(), typed);
            let last = carry.last.map_or_else(String::new, |last| format!(", at last {}", name(last)));
            let (first, next) = (name(carry.first), name(carry.next));
            lines.push(format!("{inside}carry      {value} = {first}, then {next}{last}"));
        }
        for element in &repeat.elements {
            let (value, from, axis) = (typed(element.value), name(element.from), element.axis);
            lines.push(format!("{inside}element    {value} = {from} along axis {axis}"));
        }
        lines.extend(repeat.steps.iter().flat_map(|step| self.lines(step, &inside)));
        for stack in &repeat.stacks {
            let (result, value, axis) = (typed(stack.result), name(stack.value), stack.axis);
            lines.push(format!("{inside}stack      {result} = {value} along axis {axis}"));
        }
        lines
    }

    fn line(&self, step: &Step) -> String {
        let args: Vec<String> = step
            .args
            .iter()
            .map(|arg| match arg {
                Arg::Value(v) => name(*v),
                Arg::Constant(c) => constant(*c, self.operands(step)),
                Arg::Extent(dim) => dim.to_string(),
            })
            .collect();
        let value = self.value(step.result);
        let frees = freed(step);
        let first = step.args.first().and_then(Arg::value).map(|v| &self.value(v).shape[..]);
        let params = Applied { op: &step.op, dtype: value.dtype, shape: &value.shape, first }.params();
        let params = if params.is_empty() { params } else { format!("[{params}]") };
        format!(
            "{} = {}{params}({}): {} {}{frees}",
            name(step.result),
            step.op.name(),
            args.join(", "),
            value.dtype,
            value.shape
        )
    }
}

fn freed(step: &Step) -> String {
    let frees: Vec<String> = step.frees.iter().map(|v| name(*v)).collect();
    if frees.is_empty() { String::new() } else { format!("  frees {}", frees.join(" ")) }
}

fn name(id: ValueId) -> String {
    format!("%{}", id.0)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::ops::Order;
    use crate::{Expr, F32, Graph, I64, Named, Plan, Program, Tensor};

    const B: Named = Named("B");

    /// The lines of the steps, as written.
    fn check(build: for<'g> fn(&'g Graph) -> Expr<'g>, want: Expect) {
        let g = Graph::new();
        let program = Program::builder(&g).output("out", build(&g)).without_rewriting().compile();
        let plan = Plan::new(&program.expect("it is right"));
        let lines: Vec<String> = plan.steps().iter().map(|step| plan.line(step)).collect();
        want.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn products_and_reductions_show_their_axes() {
        check(
            |g| g.input("x", F32, (B, 3)).contract("bi,jk->kbij", g.input("y", F32, [4, 5])).sum([0, 3]),
            expect![[r#"
                %2 = contract[bi,jk->kbij](%0, %1): f32 [5, B, 3, 4]
                %3 = sum[0,3](%2): f32 [B, 3]  frees %2"#]],
        );
        check(|g| g.input("x", F32, (B, 3, 4)).argmax(1), expect!["%1 = argmax[1](%0): i64 [B, 4]"]);
    }

    #[test]
    fn movements_show_where_elements_go() {
        check(
            |g| {
                let x = g.input("x", F32, (B, 3));
                g.concat(1, &[x, x]).slice_by(1, 1, 6, 2).slice(0, 1, B).pad(1, 2, 3, -1.0).flip([0, 1])
            },
            expect![[r#"
                %1 = concat[1](%0, %0): f32 [B, 6]
                %2 = slice[:,1:6:2](%1): f32 [B, 3]  frees %1
                %3 = slice[1:B,:](%2): f32 [B - 1, 3]  frees %2
                %4 = pad[0,2;1,1;-1](%3): f32 [B - 1, 8]  frees %3
                %5 = flip[0,1](%4): f32 [B - 1, 8]  frees %4"#]],
        );
        check(
            |g| {
                let x = g.input("x", F32, (B, 3)).permute(&[1, 0]);
                x.broadcast_along(&[0, 2], &(3, 2, B).into()).reshape((6, B))
            },
            expect![[r#"
                %1 = permute[1,0](%0): f32 [3, B]
                %2 = broadcast[0,2](%1): f32 [3, 2, B]  frees %1
                %3 = reshape(%2): f32 [6, B]  frees %2"#]],
        );
    }

    #[test]
    fn indices_and_windows_show_their_axes() {
        check(
            |g| {
                let (x, i) = (g.input("x", F32, (B, 9)), g.input("i", I64, B));
                let rows = x.unfold(1, 4, 2, 1).gather(0, i).sort(2, Order::Descending);
                rows.scatter_add(0, 0, i, &(7, 3, 4).into()).argsort(1, Order::Ascending)
            },
            expect![[r#"
                %2 = unfold[1;4;2;1](%0): f32 [B, 3, 4]
                %3 = gather[0;0](%2, %1): f32 [B, 3, 4]  frees %2
                %4 = sort[2;descending](%3): f32 [B, 3, 4]  frees %3
                %5 = scatter_add[0;0](%1, %4): f32 [7, 3, 4]  frees %4
                %6 = argsort[1](%5): i64 [7, 3, 4]  frees %5"#]],
        );
    }

    #[test]
    fn sources_show_their_numbers() {
        check(
            |g| {
                let two = [g.random(F32, 2), g.random(F32, 2), g.iota(F32, 0, 2)].map(|x| x.unsqueeze(0));
                let literal = g.literal(Tensor::new([1, 2], vec![0.5f32, -2.0]).expect("two"));
                let filled = g.constant(F32, 0.25).broadcast_to(&(1, 2).into());
                g.concat(0, &[two[0], two[1], two[2], literal, filled])
            },
            expect![[r#"
                %0 = random[0](): f32 [2]
                %1 = random[1](): f32 [2]
                %2 = iota[0](): f32 [2]
                %3 = reshape(%0): f32 [1, 2]  frees %0
                %4 = reshape(%1): f32 [1, 2]  frees %1
                %5 = reshape(%2): f32 [1, 2]  frees %2
                %6 = literal[0.5,-2](): f32 [1, 2]
                %7 = constant[0.25](): f32 [1, 2]
                %8 = concat[0](%3, %4, %5, %6, %7): f32 [5, 2]  frees %3 %4 %5 %6 %7"#]],
        );
        check(
            |g| g.concat(0, &[g.extent(I64, B).unsqueeze(0), g.input("i", I64, B)]),
            expect![[r#"
            %1 = extent[B](): i64 [1]
            %2 = concat[0](%1, %0): i64 [B + 1]  frees %1"#]],
        );
    }
}
