// What all plots share: the colours of the style sheet, figures as text, axes, tips.

const typeface = "system-ui, sans-serif";

// look reads the colours that hold now, for a plot of a width.
function look(width) {
  // Only where it is used does a property become the colour of the scheme that holds.
  const probe = document.body.appendChild(document.createElement("i"));
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const l = { width, print: document.documentElement.classList.contains("paper"), narrow: width < 620, font: `12px ${typeface}`, small: `11px ${typeface}` };
  for (const name of ["paper", "ink", "soft", "rule", "shade", "off", "on", "up", "down", "both", "only", "ab", "good", "bad", "unsure", "none"]) {
    l[name] = colour(name);
  }
  l.heat = { 0: colour("h0") };
  for (let level = 1; level <= 4; level++) {
    l.heat[level] = colour("g" + level);
    l.heat[-level] = colour("b" + level);
  }
  probe.remove();
  return l;
}

// Curves differ by more than their colour.
const dashes = { off: "solid", on: "solid", up: [7, 4], down: [2, 3], both: [10, 3, 2, 3], only: "solid" };
const symbols = { off: "circle", on: "diamond", up: "triangle", down: "rect", both: "diamond", only: "roundRect" };

// number writes a figure with three digits or more, as the tables do.
function number(v) {
  const size = Math.abs(v);
  if (size >= 100 || v === Math.trunc(v)) return v.toFixed(0);
  if (size >= 10) return v.toFixed(1);
  return String(Number(v.toPrecision(3)));
}

// scaled writes a figure with the prefix of its size, such as 1.2 T.
function scaled(v) {
  const prefixes = ["", " k", " M", " G", " T", " P"];
  let i = 0;
  while (v >= 1000 && i < prefixes.length - 1) {
    v /= 1000;
    i++;
  }
  return number(v) + prefixes[i];
}

// text makes what comes from a file fit for a tip, which is HTML.
function text(s) {
  return String(s).replace(/[&<>"']/g, (c) => "&#" + c.charCodeAt(0) + ";");
}

// roundTicks are the round values between two bounds of a logarithmic axis.
function roundTicks(low, high) {
  if (high / low < 4) return evenTicks(low, high);
  const factors = high / low > 1000 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const f of factors) {
      const v = f * 10 ** e;
      if (v >= low * 0.9999 && v <= high * 1.0001) ticks.push(v);
    }
  }
  return ticks;
}

// evenTicks are about five round values at equal distances.
function evenTicks(low, high) {
  const least = (high - low) / 6;
  const decade = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((f) => f * decade).find((s) => s >= least);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
  return ticks;
}

function axis(l, more) {
  return {
    type: "value",
    nameTextStyle: { color: l.soft, fontSize: 11 },
    ...more,
    axisLine: { lineStyle: { color: l.rule }, ...more.axisLine },
    axisTick: { show: false, ...more.axisTick },
    axisLabel: { color: l.soft, fontSize: 11, hideOverlap: true, formatter: number, ...more.axisLabel },
    splitLine: { lineStyle: { color: l.rule }, ...more.splitLine },
  };
}

// logAxis takes logarithms as its data: the library's own logarithmic axis has no ticks between powers
// of ten, and latencies are often closer to each other than that.
function logAxis(l, low, high, more) {
  const at = (more.ticks ?? roundTicks(low, high)).map(Math.log10);
  const write = more.write ?? number;
  return axis(l, {
    min: Math.log10(low),
    max: Math.log10(high),
    ...more,
    axisLabel: { customValues: at, formatter: (v) => write(Number((10 ** v).toPrecision(9))), ...more.axisLabel },
    axisTick: { customValues: at }, // grid lines stand where ticks would
  });
}

function categories(l, names, more) {
  return {
    type: "category",
    data: names,
    ...more,
    axisLine: { lineStyle: { color: l.rule } },
    axisTick: { show: false },
    axisLabel: { color: l.ink, fontSize: 12, ...more.axisLabel },
  };
}

function tip(l, more) {
  return {
    confine: true,
    backgroundColor: l.paper,
    borderColor: l.rule,
    textStyle: { color: l.ink, fontSize: 12 },
    extraCssText: "box-shadow: 0 2px 8px rgb(0 0 0 / .18); white-space: nowrap",
    ...more,
  };
}

function legend(l, more) {
  return { textStyle: { color: l.ink, fontSize: 12 }, inactiveColor: l.rule, itemWidth: 28, itemHeight: 9, top: 0, left: 0, ...more };
}

// swatch is the mark of a line in a tip.
function swatch(colour) {
  return `<span style="display:inline-block;width:.7em;height:.7em;margin-right:.4em;background:${colour}"></span>`;
}

// bounds are the smallest and the largest of some values.
function bounds(values) {
  return [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
}
