//! What the library gives for nothing, and where roots have no derivative, on every executor.

use dl_backends::Session;
use dl_core::{F32, F64};

use crate::executors::executors;
use crate::library::edges;

#[test]
fn nothing_and_zero_have_their_values_and_gradients() {
    let mut wrong = vec![];
    for (edge, dtype) in edges::edges().iter().flat_map(|edge| [(edge, F32), (edge, F64)]) {
        for rewriting in [false, true] {
            let ready = edge.ready(dtype, rewriting);
            for executor in executors().into_iter().filter(|e| e.supports(dtype)) {
                let who = format!("{} in {dtype}, rewritten: {rewriting}", executor.name());
                let mut session = Session::boxed(executor, 1);
                let found = session.compile(&ready.program).and_then(|program| {
                    let outputs = session.run_named(&program, &[("x", ready.x.view())])?;
                    let judge = |output| Ok(edge.judge(output, &outputs.read(output)?));
                    ["value", "gradient", "second"]
                        .into_iter()
                        .map(judge)
                        .collect::<dl_backends::Result<Vec<_>>>()
                });
                let judged = found.unwrap_or_else(|e| vec![Some(format!("{}: {e}", edge.name))]);
                wrong.extend(judged.into_iter().flatten().map(|w| format!("{who}: {w}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
