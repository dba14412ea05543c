// Opens each page in frames, narrow and wide, light and dark, looks at what a reader would see, and leaves what it found
// as JSON in place of everything. All is done before this document is loaded: it waits for its frames.
const pages = JSON.parse(document.getElementById("pages").textContent);
const results = [];
const LEAST = 4.5;

// Called by each page before anything of its own runs.
window.watch = (frame) => {
  frame.noticed = [];
  const notice = (what) => frame.noticed.push(what);
  frame.addEventListener("error", (e) => notice(`error: ${e.message || "something is not loaded"}`), true);
  frame.addEventListener("unhandledrejection", (e) => notice(`rejected: ${e.reason}`));
  frame.document.addEventListener("securitypolicyviolation", (e) => notice(`asks for ${e.blockedURI} against ${e.violatedDirective}`));
  for (const level of ["error", "warn"]) frame.console[level] = (...all) => notice(`console.${level}: ${all.join(" ")}`);
};

// Red, green, blue from 0 to 255 and opacity from 0 to 1.
function colour(text) {
  const numbers = (text.match(/-?[\d.]+(e-?\d+)?%?/g) || []).map((n) => (n.endsWith("%") ? parseFloat(n) / 100 : Number(n)));
  if (/^rgba?\(/.test(text)) return [...numbers.slice(0, 3), numbers[3] ?? 1];
  if (/^color\(srgb /.test(text)) return [...numbers.slice(0, 3).map((n) => n * 255), numbers[3] ?? 1];
  throw new Error(`a colour that the test does not know: ${text}`);
}
const over = (top, ground, opacity = 1) => {
  const own = top[3] * opacity;
  return [0, 1, 2].map((k) => top[k] * own + ground[k] * (1 - own)).concat(1);
};
// As the Web Content Accessibility Guidelines measure it: from 1 to 21.
function contrast(a, b) {
  const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const bright = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const [x, y] = [bright(a), bright(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

// What is behind an element: the opaque ground below it and what lies on that.
function ground(view, element, dark) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const own = colour(view.getComputedStyle(e).backgroundColor);
    layers.push(own);
    if (own[3] === 1) break;
  }
  const canvas = dark ? [18, 18, 18, 1] : [255, 255, 255, 1];
  return layers.reverse().reduce((below, layer) => over(layer, below), canvas);
}
// Of a drawing's text: also the shapes that were drawn before it at its middle.
function drawn(view, text, below) {
  const svg = text.closest("svg");
  const box = text.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  for (const shape of svg.querySelectorAll("rect, path, polygon, circle, ellipse")) {
    if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING) || !shape.checkVisibility()) continue;
    const style = view.getComputedStyle(shape);
    if (style.fill === "none") continue;
    const point = new view.DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse());
    if (shape.isPointInFill(point)) below = over(colour(style.fill), below, Number(style.fillOpacity) * opacity(view, shape));
  }
  return below;
}
function opacity(view, element) {
  let all = 1;
  for (let e = element; e; e = e.parentElement) all *= Number(view.getComputedStyle(e).opacity);
  return all;
}
// What texts have too little contrast, and how many were looked at.
function texts(view, dark, faults) {
  const walker = view.document.createTreeWalker(view.document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  const told = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({ visibilityProperty: true }) || element.closest("script, style, title")) continue;
    const box = element.getBoundingClientRect();
    if (box.width * box.height === 0) continue;
    count += 1;
    const style = view.getComputedStyle(element);
    const inSvg = element.namespaceURI.endsWith("/svg");
    let below = ground(view, element, dark);
    if (inSvg) below = drawn(view, element, below);
    const alpha = opacity(view, element) * (inSvg ? Number(style.fillOpacity) : 1);
    const own = over(colour(inSvg ? style.fill : style.color), below, alpha);
    const found = contrast(own, below);
    if (found < LEAST) {
      const what = `contrast ${found.toFixed(2)} of ${own.slice(0, 3).map(Math.round)} on ${below.slice(0, 3).map(Math.round)}: <${element.localName}>`;
      if (!told.has(what)) faults.push(`${what} "${text.slice(0, 40)}"`);
      told.add(what);
    }
  }
  return count;
}

// Texts of a drawing that lie on each other.
function collisions(document, faults) {
  for (const svg of document.querySelectorAll("svg.chart")) {
    const all = [...svg.querySelectorAll("text")].map((e) => [e.textContent.trim(), e.getBoundingClientRect()]);
    all.forEach(([text, a], place) => {
      const on = all.slice(place + 1).find(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3);
      if (text && on) faults.push(`"${text}" lies on "${on[0]}" in ${svg.querySelector("title")?.textContent}`);
    });
  }
}

// Texts of nodes that stand out of their boxes.
function boxes(document, faults) {
  for (const node of document.querySelectorAll("svg.graph .node")) {
    const [box, text] = ["rect", "text"].map((name) => node.querySelector(name)?.getBoundingClientRect());
    if (box && text && (text.left < box.left || text.right > box.right)) faults.push(`"${node.textContent.trim()}" stands out of its box`);
  }
}

// What is wider than the page without a box to scroll in.
function overflow(view, width, faults) {
  const whole = view.document.documentElement.scrollWidth;
  if (whole <= width) return;
  const out = [...view.document.body.querySelectorAll("*")].find((e) => {
    if (e.getBoundingClientRect().right <= width + 1) return false;
    for (let p = e.parentElement; p; p = p.parentElement) if (view.getComputedStyle(p).overflowX !== "visible") return false;
    return true;
  });
  const name = out ? `<${out.localName} class="${out.getAttribute("class") ?? ""}"> "${out.textContent.trim().slice(0, 40)}"` : "nothing that was found";
  faults.push(`the page is ${whole} px wide on a screen of ${width} px: ${name}`);
}

// Fractions stand above each other.
function fractions(document, faults) {
  const all = [...document.querySelectorAll("mfrac")].filter((f) => f.checkVisibility());
  for (const fraction of all) {
    const [whole, above, below] = [fraction, ...fraction.children].map((e) => e.getBoundingClientRect());
    if (!(whole.height > above.height && above.height > 0 && below.top >= above.bottom)) faults.push(`a fraction is not laid out: ${fraction.textContent}`);
  }
  return all.length;
}

// What is lit, and how it looks.
function lit(view, row) {
  const all = (selector) => [...view.document.querySelectorAll(selector)];
  const nodes = all("svg.graph .node.here").filter((e) => e.checkVisibility());
  const look = (e, part) => e && view.getComputedStyle(e)[part];
  return {
    row: row.classList.contains("here"),
    nodes: nodes.length,
    // On a wide screen the graph is beside the line.
    seen: nodes.some((e) => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= view.document.getElementById("told").getBoundingClientRect().top),
    kernels: all("[data-kernel].here").length,
    used: all("tr.used").map((e) => e.dataset.name),
    told: view.document.getElementById("told").textContent,
    row_colour: look(row, "backgroundColor"),
    node_colour: look((nodes[0] ?? view.document.querySelector("svg.graph .node")).querySelector("rect"), "fill"),
    kernel_colour: look(all("[data-kernel].here")[0] ?? view.document.querySelector("[data-kernel]"), "backgroundColor"),
  };
}
// Points at the line of that name by mouse and by keyboard, and from a kernel back.
function pointing(view, name, dark, faults) {
  const row = [...view.document.querySelectorAll("tr[data-name]")].find((e) => e.dataset.name === name);
  if (!row) {
    faults.push(`no line of ${name}`);
    return null;
  }
  const mouse = (e, kind) => e.dispatchEvent(new view.MouseEvent(kind, { view }));
  const found = { before: lit(view, row) };
  mouse(row, "mouseenter");
  found.mouse = lit(view, row);
  texts(view, dark, faults);
  const kernel = view.document.querySelector("[data-kernel].here");
  mouse(row, "mouseleave");
  found.left = lit(view, row);
  row.focus();
  found.reached = view.document.activeElement === row && row.tabIndex === 0;
  found.keyboard = lit(view, row);
  row.blur();
  found.blurred = lit(view, row);
  if (kernel) {
    mouse(kernel, "mouseenter");
    found.kernel = lit(view, row);
    mouse(kernel, "mouseleave");
  }
  return found;
}

function look(frame, { name, point }, width, dark) {
  const view = frame.contentWindow;
  const faults = view.noticed ?? ["the page was not watched"];
  if (view.innerWidth !== width) faults.push(`the frame is ${view.innerWidth} px wide`);
  if (view.matchMedia("(prefers-color-scheme: dark)").matches !== dark) faults.push("the frame has another theme");
  overflow(view, width, faults);
  collisions(view.document, faults);
  boxes(view.document, faults);
  const result = { page: name, width, dark, texts: texts(view, dark, faults), fractions: fractions(view.document, faults) };
  result.pointed = point ? pointing(view, point, dark, faults) : null;
  const asked = view.performance.getEntriesByType("resource").map((entry) => entry.name);
  if (asked.length) faults.push(`asks for ${asked.join(", ")}`);
  return { ...result, faults };
}

for (const page of pages)
  for (const width of [360, 1200])
    for (const dark of [false, true]) {
      const frame = document.createElement("iframe");
      frame.style = `border: 0; display: block; width: ${width}px; height: 800px; color-scheme: ${dark ? "dark" : "light"}`;
      frame.srcdoc = page.html.replace("<head>", "<head><script>parent.watch(window)<\/script>");
      frame.addEventListener("load", () => {
        try {
          results.push(look(frame, page, width, dark));
        } catch (error) {
          results.push({ page: page.name, width, dark, faults: [`the test fails: ${error.stack}`] });
        }
      });
      document.body.append(frame);
    }
window.addEventListener("load", () => {
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = JSON.stringify(results);
  document.body.replaceChildren(result);
});
