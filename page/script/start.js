// Draws the plots when they come into sight, and again when width, colours or medium change. Without
// this script the page shows the tables alone.
const drawers = { stages: drawStages, gains: drawGains, distribution: drawDistribution, roofline: drawRoofline, timeline: drawTimeline, tokens: drawTokens, heat: drawHeat };
const printWidth = 700; // what fits between the margins of A4 and Letter

class Plot {
  constructor(element) {
    this.element = element;
    this.data = null;
    this.chart = null;
    this.choice = 0;
    this.width = 0;
  }

  draw(width) {
    if (!width) return;
    this.data ??= JSON.parse(document.getElementById(this.element.id + "-data").textContent);
    const drawn = drawers[this.element.dataset.kind](this.data, look(width), this.choice);
    if (drawn.choices && !this.chart) this.offer(drawn.choices);
    if (drawn.key && !this.chart) this.explain(drawn.key);
    this.element.style.height = drawn.height + "px";
    this.chart ??= echarts.init(this.element, null, { renderer: "svg", width, height: drawn.height });
    this.chart.resize({ width, height: drawn.height, silent: true });
    this.chart.setOption({ animation: false, textStyle: { fontFamily: typeface }, ...drawn.option }, { notMerge: true });
    this.width = width;
  }

  redraw() {
    if (this.chart) this.draw(this.element.clientWidth);
  }

  // explain puts the meaning of colours above the plot.
  explain(key) {
    const list = document.createElement("ul");
    list.className = "key";
    for (const [name, words] of key) {
      const item = document.createElement("li");
      const swatch = document.createElement("span");
      swatch.className = name;
      item.append(swatch, words);
      list.append(item);
    }
    this.element.before(list);
  }

  // offer puts a choice of what to show above the plot.
  offer(names) {
    const group = document.createElement("fieldset");
    const title = document.createElement("legend");
    title.textContent = "Figure";
    group.append(title);
    names.forEach((name, i) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: this.element.id, checked: i === this.choice });
      input.addEventListener("change", () => {
        this.choice = i;
        this.redraw();
      });
      label.append(input, " " + name);
      group.append(label);
    });
    this.element.before(group);
  }
}

function start() {
  const plots = new Map([...document.querySelectorAll(".plot")].map((e) => [e, new Plot(e)]));
  const figures = [...document.querySelectorAll("details.figures")];
  for (const details of figures) details.open = false;

  const sight = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        sight.unobserve(entry.target);
        plots.get(entry.target).draw(entry.target.clientWidth);
        size.observe(entry.target);
      }
    },
    { rootMargin: "600px" },
  );
  const size = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const plot = plots.get(entry.target);
      if (Math.abs(entry.target.clientWidth - plot.width) > 1) plot.redraw();
    }
  });
  for (const element of plots.keys()) sight.observe(element);
  const again = () => plots.forEach((plot) => plot.redraw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);

  let open = [];
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("paper");
    plots.forEach((plot) => plot.draw(printWidth));
    open = figures.filter((details) => details.open);
    // A sweep of thousands of points would print for hundreds of pages: those stay as they are.
    for (const details of figures) details.open ||= details.querySelectorAll("tr").length <= 200;
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("paper");
    for (const details of figures) details.open = open.includes(details);
    again();
  });
}
