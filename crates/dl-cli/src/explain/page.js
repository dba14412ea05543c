// Marks the lines that a line stands on.
const rows = [...document.querySelectorAll("table.lines tbody tr[data-name]")];
function mark(row) {
  const uses = row ? row.dataset.uses.split("\u001f") : [];
  for (const other of rows) {
    other.classList.toggle("here", other === row);
    other.classList.toggle("used", other !== row && uses.includes(other.dataset.name));
  }
}
for (const row of rows) {
  row.addEventListener("mouseenter", () => mark(row));
  row.addEventListener("focus", () => mark(row));
  row.addEventListener("mouseleave", () => mark(document.activeElement.dataset?.name ? document.activeElement : null));
  row.addEventListener("blur", () => mark(null));
}
