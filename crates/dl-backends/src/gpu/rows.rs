//! Inputs that are rows of columns on the device: a launch gathers them before the others.

use cubecl::client::Client;
use cubecl::server::Handle;
use dl_core::DType;

use super::launch::Launch;
use super::lower::Device;
use super::memory::SlotId;
use super::shader::{GROUP, Shader};
use crate::error::{Error, Result};

/// A column of examples on the device.
pub(crate) struct Column {
    /// Row-major: bytes four in a word, everything else a word each.
    pub(crate) handle: Handle,
    pub(crate) dtype: DType,
    /// Elements of a row.
    pub(crate) width: usize,
}

/// Where rows go.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) slot: SlotId,
    /// Elements of all rows.
    pub(super) len: usize,
    /// Whether bytes lie four in a word there.
    pub(super) packed: bool,
}

/// Launches that gather rows, and the memory that these go to.
pub(super) struct Gathering {
    /// What is gathered, and from columns of what width.
    made_for: Vec<(SlotId, usize)>,
    launches: Vec<Launch>,
    /// Of the rows' numbers, then for each slot of the column and of its rows.
    memory: Vec<Option<Handle>>,
}

impl Gathering {
    /// For these columns.
    pub(super) fn new(client: &Client, wanted: &[(Target, &Column)], device: Device) -> Self {
        let mut launches: Vec<Shader> = vec![];
        let mut memory = vec![None];
        for (target, column) in wanted {
            let (from, to) = (SlotId(memory.len()), SlotId(memory.len() + 1));
            let shader = gather(from, to, target, column);
            match launches.last_mut() {
                Some(last) if last.takes(&shader, device.bindings) => last.add(shader),
                _ => launches.push(shader),
            }
            let words = if target.packed { target.len.div_ceil(4) } else { target.len };
            memory.extend([None, Some(client.empty(words * 4))]);
        }
        let launches = launches.into_iter().map(Shader::launch).collect();
        Gathering { made_for: made_for(wanted), launches, memory }
    }

    /// Whether it is for these.
    pub(super) fn fits(&self, wanted: &[(Target, &Column)]) -> bool {
        self.made_for == made_for(wanted)
    }

    /// Gathers; where the rows of each slot are then.
    ///
    /// # Errors
    /// When a launch is refused.
    pub(super) fn gather(
        &mut self,
        client: &Client,
        name: &'static str,
        rows: Handle,
        wanted: &[(Target, &Column)],
    ) -> Result<Vec<(SlotId, Handle)>> {
        self.memory[0] = Some(rows);
        for (place, (_, column)) in wanted.iter().enumerate() {
            self.memory[1 + 2 * place] = Some(column.handle.clone());
        }
        let submit = |launch: &Launch| launch.submit(client, &self.memory);
        let done = self.launches.iter().try_for_each(submit).map_err(|why| Error::executor(name, why));
        let gathered = wanted
            .iter()
            .enumerate()
            .filter_map(|(place, (target, _))| Some((target.slot, self.memory[2 + 2 * place].clone()?)));
        let gathered = gathered.collect();
        // Columns may go when their owner lets them.
        (0..wanted.len()).for_each(|place| self.memory[1 + 2 * place] = None);
        self.memory[0] = None;
        done.map(|()| gathered)
    }
}

fn made_for(wanted: &[(Target, &Column)]) -> Vec<(SlotId, usize)> {
    wanted.iter().map(|(target, column)| (target.slot, column.width)).collect()
}

/// Gathers rows of one column, a word an invocation.
fn gather(from: SlotId, to: SlotId, target: &Target, column: &Column) -> Shader {
    let mut shader = Shader::default();
    let rows = shader.read(SlotId(0), "u32");
    let source = shader.read(from, "u32");
    let output = shader.write(to, "u32");
    let (len, width) = (target.len, column.width.max(1));
    let bytes = column.dtype == DType::U8;
    let words = if target.packed { len.div_ceil(4) } else { len };
    // The element `e` of all rows: its place in the column.
    let place = |e: &str, width: usize| format!("{rows}[{e} / {width}u] * {width}u + {e} % {width}u");
    let byte = |e: &str| {
        let place = place(e, width);
        format!("let at = {place};\n  value = ({source}[at / 4u] >> (8u * (at % 4u))) & 255u;")
    };
    let value = match (bytes, target.packed) {
        (true, true) if width.is_multiple_of(4) => format!("value = {source}[{}];", place("i", width / 4)),
        (true, true) => format!(
            "for (var k = 0u; k < 4u; k++) {{\n  let e = i * 4u + k;\n  if (e < {len}u) {{ let at = {}; value |= (({source}[at / 4u] >> (8u * (at % 4u))) & 255u) << (8u * k); }}\n  }}",
            place("e", width)
        ),
        (true, false) => byte("i"),
        (false, _) => format!("value = {source}[{}];", place("i", width)),
    };
    let body = format!(
        "  let i = group * {GROUP}u + local;\n  if (i >= {words}u) {{ return; }}\n  var value = 0u;\n  {value}\n  {output}[i] = value;\n"
    );
    let groups = u32::try_from(words.div_ceil(GROUP as usize)).unwrap_or(u32::MAX);
    shader.part("rows".into(), &body, groups);
    shader
}
