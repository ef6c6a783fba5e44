// What stages do for each byte, under what the device can do, and how many bytes they move.
function drawRoofline({ ceilings, points }, l) {
  const wide = l.width >= 660;
  const height = 330;
  const left = { left: 62, top: 16, height, width: wide ? l.width * 0.52 : l.width - 84 };
  const names = wide ? 84 : 72;
  const right = wide
    ? { left: left.left + left.width + names + 26, top: 16, height, right: 66 }
    : { left: names, top: 16 + height + 74, height: points.length * 28, right: 70 };
  const option = { grid: [left, right], xAxis: [], yAxis: [], series: [] };
  roofs(option, ceilings, points.filter((p) => p.intensity), l);
  bandwidths(option, ceilings, points, l);
  option.tooltip = tip(l, {
    formatter: ({ data }) => {
      const p = data.point;
      if (!p) return text(data.says ?? "");
      const flops = p.intensity ? `${scaled(p.flops)}FLOP/s at ${number(p.intensity)} FLOP/byte<br>` : "";
      const share = p.attainable ? `<br>${number(100 * p.attainable)}% of what is attainable, bound by ${text(p.bound)}` : "";
      return `<b>${text(p.name)}</b><br>${flops}${scaled(p.bytes)}B/s${share}`;
    },
  });
  return { height: wide ? height + 62 : right.top + right.height + 46, option };
}

// roofs draws the stages that compute, under the roofs.
function roofs(option, ceilings, points, l) {
  let [x1, x2] = bounds(points.map((p) => p.intensity));
  let [y1, y2] = bounds(points.map((p) => p.flops));
  if (ceilings) {
    x2 = Math.max(x2, ceilings.flops / ceilings.read);
    y2 = Math.max(y2, ceilings.flops);
  }
  x1 /= 4;
  x2 *= 4;
  y1 /= 6;
  y2 *= 2.5;
  const decades = (low, high) => roundTicks(10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))).filter((v) => v >= low && v <= high);
  const ticks = (low, high) => decades(low, high).filter((v) => high / low < 300 || Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6);
  option.xAxis.push(logAxis(l, x1, x2, { name: "FLOP / byte", nameLocation: "middle", nameGap: 26, ticks: ticks(x1, x2) }));
  option.yAxis.push(logAxis(l, y1, y2, { name: "FLOP/s", nameLocation: "end", nameGap: 4, ticks: ticks(y1, y2), write: scaled }));
  const log = (x, y) => [Math.log10(x), Math.log10(y)];
  // A slope of bandwidth within the plot; it ends under a roof, if there is one.
  const slope = (bandwidth, roof, name, type, colour) => {
    const from = Math.max(x1, y1 / bandwidth);
    const to = Math.min(x2, Math.min(roof, y2) / bandwidth);
    if (to / from < (x2 / x1) ** 0.15) return; // a corner is no room for a line and its name
    const says = `${name}: ${scaled(bandwidth)}B/s`;
    const line = { type: "line", silent: !name, data: [from, to].map((x) => ({ value: log(x, x * bandwidth), says })), symbol: "none", lineStyle: { color: colour, width: type === "solid" ? 2 : 1, type }, tooltip: { show: Boolean(name) } };
    // Names of ceilings stand where the plot is empty, above the faster and below the slower one.
    const share = name ? 0.62 : 0.18;
    const at = from ** (1 - share) * to ** share;
    const below = name === "DRAM";
    option.series.push(line, {
      type: "scatter",
      silent: true,
      symbolSize: 0,
      data: [{ value: log(at, at * bandwidth), says }],
      label: { show: true, position: "inside", color: l.soft, fontSize: 11, formatter: name ? says : scaled(bandwidth) + "B/s", align: below ? "left" : "right", offset: below ? [10, 8] : [-6, -8] },
    });
  };
  if (ceilings) {
    const ridge = Math.max(ceilings.flops / ceilings.read, x1);
    slope(ceilings.read, ceilings.flops, "DRAM", "solid", l.ink);
    if (ceilings.l2) slope(ceilings.l2, ceilings.flops, "L2", [6, 4], l.soft);
    option.series.push({
      type: "line",
      symbol: "none",
      data: [{ value: log(ridge, ceilings.flops) }, { value: log(x2, ceilings.flops) }],
      lineStyle: { color: l.ink, width: 2 },
      endLabel: { show: true, formatter: `FP8: ${scaled(ceilings.flops)}FLOP/s`, color: l.soft, fontSize: 11, align: "right", verticalAlign: "bottom", offset: [-6, -4] },
      tooltip: { show: false },
    });
  } else {
    for (let e = 8; e < 16; e++) slope(10 ** e, Infinity, "", [2, 4], l.soft);
  }
  const dash = (value, point, size) => ({ value, point, symbol: "rect", symbolSize: size, itemStyle: { color: l.ink } });
  const attainable = points.filter((p) => p.attainable).map((p) => dash(log(p.intensity, p.flops / p.attainable), p, [18, 2]));
  option.series.push({ type: "scatter", z: 4, data: attainable });
  const lifts = apart(points, (p) => (Math.log(p.flops / y1) / Math.log(y2 / y1)) * option.grid[0].height);
  option.series.push({
    type: "scatter",
    z: 5,
    symbolSize: 12,
    data: points.map((p, i) => ({ value: log(p.intensity, p.flops), point: p, symbol: symbols[p.class], label: { position: leftOf(p) ? "left" : "right", offset: [0, -lifts[i]] }, itemStyle: { color: l[p.class], borderColor: l.paper, borderWidth: 1 } })),
    label: { show: true, color: l.ink, fontSize: 12, formatter: ({ data }) => data.point.name },
  });
}

const leftOf = (point) => point.class === "off";

// apart says by how many pixels labels have to be lifted so that those of one side do not overlap.
function apart(points, height) {
  const lifts = points.map(() => 0);
  for (const side of [true, false]) {
    let below = -Infinity;
    for (const i of [...points.keys()].filter((i) => leftOf(points[i]) === side).sort((a, b) => height(points[a]) - height(points[b]))) {
      const at = Math.max(height(points[i]), below + 14);
      lifts[i] = at - height(points[i]);
      below = at;
    }
  }
  return lifts;
}

// bandwidths draws the bytes a second of all stages as bars.
function bandwidths(option, ceilings, points, l) {
  const most = Math.max(...points.map((p) => p.bytes / Math.min(p.attainable || 1, 1)), ceilings ? ceilings.read : 0);
  option.xAxis.push(axis(l, { gridIndex: 1, max: most * 1.02, name: "bytes / s", nameLocation: "middle", nameGap: 26, splitNumber: 4, axisLabel: { formatter: scaled, showMaxLabel: false }, splitLine: { showMaxLine: false } }));
  option.yAxis.push(categories(l, points.map((p) => p.name), { gridIndex: 1, inverse: true }));
  const bar = {
    type: "bar",
    xAxisIndex: 1,
    yAxisIndex: 1,
    barWidth: "62%",
    data: points.map((p) => ({ value: p.bytes, point: p, itemStyle: { color: l[p.class], borderRadius: [0, 2, 2, 0] } })),
  };
  if (ceilings) {
    bar.markLine = {
      silent: true,
      symbol: "none",
      data: [{ xAxis: ceilings.read }],
      lineStyle: { color: l.ink, width: 2, type: "solid" },
      label: { formatter: "DRAM", color: l.soft, fontSize: 11, position: "start", distance: 2 },
    };
  }
  const over = { type: "scatter", xAxisIndex: 1, yAxisIndex: 1, z: 4 };
  // The figures stand in a column of their own, where no line crosses them.
  const figures = {
    ...over,
    silent: true,
    symbolSize: 0,
    data: points.map((p, i) => ({ value: [most * 1.02, i], point: p })),
    label: { show: true, position: "right", color: l.ink, fontSize: 12, formatter: ({ data }) => scaled(data.point.bytes) + "B/s" },
  };
  option.series.push(bar, figures, {
    ...over,
    symbol: "rect",
    symbolSize: [2, 16],
    itemStyle: { color: l.ink },
    data: points.map((p, i) => (p.attainable ? { value: [p.bytes / p.attainable, i], point: p } : null)).filter(Boolean),
  });
}
