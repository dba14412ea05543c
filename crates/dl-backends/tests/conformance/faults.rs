//! What goes wrong at run time: an error that says where, and parameters as before.

use std::sync::Arc;

use dl_backends::{Buffer, Executable, Executor, Result, Session};
use dl_core::{DType, Dims, F32, F64, Graph, I64, Init, Named, Plan, Program, Tensor, TensorRef};

use crate::executors::executors;

/// One update does not depend on the index, the other does; a bad index must stop both.
fn check(build: fn(&Graph), want: &[&str]) {
    for executor in executors() {
        let name = executor.name();
        let g = Graph::new();
        build(&g);
        let picked = Program::builder(&g);
        let named = |n: &str| g.named().into_iter().find(|(m, _)| **m == *n).expect("the test names it").1;
        let (free, table) = (g.parameter_of("free"), g.parameter_of("table"));
        let bad = named("bad");
        let program = picked
            .update(free, free + 1.0)
            .update(table, table + bad.sum(..))
            .output("bad", bad)
            .without_rewriting()
            .compile()
            .expect("it is well formed");
        let mut session = Session::boxed(executor, 7);
        let step = session.compile(&program).expect("it can be compiled");
        let before = session.weights().expect("the device answers");
        let good = Tensor::vector(vec![0i64, 2, 1]);
        for index in [-1i64, 5, i64::MAX, i64::MIN] {
            let indices = Tensor::vector(vec![0, index, 2]);
            let error = session
                .run_named(&step, &[("i", indices.view())])
                .err()
                .expect("the index is outside")
                .to_string();
            for part in want.iter().copied().chain([index.to_string().as_str(), "faults.rs:", "[1]"]) {
                assert!(error.contains(part), "{name}: {part:?} is not in {error:?}");
            }
            assert_eq!(session.weights().expect("the device answers"), before, "{name}");
            assert_eq!(session.step(), 0);
        }
        // The session goes on as if nothing had happened.
        session.run_named(&step, &[("i", good.view())]).expect("all indices are inside");
        assert_eq!(session.get("free").expect("there is one").item().expect("a scalar"), 1.0, "{name}");
    }
}

trait ByName {
    fn parameter_of(&self, name: &str) -> dl_core::Expr<'_>;
}

impl ByName for Graph {
    fn parameter_of(&self, name: &str) -> dl_core::Expr<'_> {
        let decl =
            self.parameter_decls().into_iter().find(|d| *d.name == *name).expect("the test declares it");
        self.parameter(name, decl.dtype, decl.shape, decl.init)
    }
}

fn declare(g: &Graph) -> (dl_core::Expr<'_>, dl_core::Expr<'_>) {
    const B: Named = Named("B");
    g.parameter("free", F32, (), Init::Zeros);
    (g.parameter("table", F32, [5, 2], Init::Constant(1.0)), g.input("i", I64, B))
}

#[test]
fn gathering_outside_changes_nothing() {
    check(
        |g| {
            let (table, i) = declare(g);
            table.gather(0, i).named("bad");
        },
        &["gather", "axis 0", "0 to 4"],
    );
}

#[test]
fn scattering_outside_changes_nothing() {
    check(
        |g| {
            let (table, i) = declare(g);
            i.one_hot(F32, 5).contract("bi,ij->bj", table).named("bad");
        },
        &["scatter_add", "0 to 4"],
    );
}

/// An executor without double precision.
struct Single(Box<dyn Executor>);

impl Executor for Single {
    fn name(&self) -> &'static str {
        "single"
    }
    fn supports(&self, dtype: DType) -> bool {
        dtype != F64
    }
    fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>> {
        self.0.compile(plan, dims)
    }
    fn upload(&self, value: TensorRef<'_>) -> Result<Buffer> {
        self.0.upload(value)
    }
    fn download(&self, buffer: &Buffer) -> Result<Tensor> {
        self.0.download(buffer)
    }
}

#[test]
fn an_element_type_that_is_not_to_be_had_is_refused() {
    for executor in executors() {
        let g = Graph::new();
        let x = g.input("x", F32, [3]);
        let program =
            Program::builder(&g).output("y", x.cast(F64).exp()).compile().expect("it is well formed");
        let error =
            Session::new(Single(executor), 7).compile(&program).err().expect("f64 is refused").to_string();
        assert!(
            error.contains("single ") && error.contains("f64") && error.contains("faults.rs:"),
            "{error}"
        );
    }
}
