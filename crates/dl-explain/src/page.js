// Pointing at a line, a node or a kernel marks what stands for the same values, and tells what is known of them.
const told = JSON.parse(document.getElementById("known").textContent);
const parts = [...document.querySelectorAll("[data-values]")];
const numbers = (part) => (part.dataset.values ? part.dataset.values.split(" ") : []);
const box = document.getElementById("told");
const hint = box.textContent;
let held = null;
function mark(part) {
  const values = new Set(part ? numbers(part) : []);
  const uses = part && part.dataset.uses ? part.dataset.uses.split("\u001f") : [];
  for (const other of parts) {
    const same = other === part || numbers(other).some((value) => values.has(value));
    other.classList.toggle("here", Boolean(part) && same);
    other.classList.toggle("used", Boolean(part) && !same && uses.includes(other.dataset.name));
  }
  box.textContent = part ? tell(part, values) : hint;
  if (part) show(part);
}
// Brings the first node that is lit into the graph's own box; the page stays where it is.
function show(part) {
  const node = document.querySelector("svg.graph .node.here");
  if (!node || part.closest("svg.graph") || !node.checkVisibility()) return;
  for (let outer = node.closest("svg").parentElement; outer !== document.body; outer = outer.parentElement) {
    if (getComputedStyle(outer).overflowY === "visible") continue;
    const [own, seen] = [node.getBoundingClientRect(), outer.getBoundingClientRect()];
    const low = Math.min(seen.bottom, box.getBoundingClientRect().top);
    if (own.top < seen.top || own.bottom > low) outer.scrollTop += own.top - (seen.top + low) / 2;
    if (own.left < seen.left || own.right > seen.right) outer.scrollLeft += own.left - (seen.left + seen.right) / 2;
  }
}
function tell(part, values) {
  const all = [];
  if (part.dataset.about) all.push(part.dataset.about);
  for (const value of [...values].slice(0, 3)) if (told.values[value]) all.push(told.values[value]);
  if (!part.dataset.kernel)
    for (const kernel of told.kernels) if (kernel.values.some((value) => values.has(String(value)))) all.push(kernel.about);
  return all.slice(0, 7).join(" · ") || hint;
}
for (const part of parts) {
  part.addEventListener("mouseenter", () => mark(part));
  part.addEventListener("mouseleave", () => mark(held));
  part.addEventListener("focus", () => { held = part; mark(part); });
  part.addEventListener("blur", () => { held = null; mark(null); });
}
