// What a stream tells over time: one plot a quantity above the other, on one axis.
function drawTimeline(line, l) {
  const left = 58;
  const right = 16;
  const panel = 120;
  const gap = 34;
  const strip = 14;
  const top = 40;
  const option = { grid: [], xAxis: [], yAxis: [], series: [], axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: l.soft } } };
  const time = (i, last) => axis(l, { gridIndex: i, min: 0, max: line.length, name: last ? "seconds" : "", nameLocation: "middle", nameGap: 24, axisLabel: { show: last, showMaxLabel: false }, axisTick: { show: last }, splitLine: { showMaxLine: false }, axisPointer: { label: { show: false } } });
  // The strip tells which switches were on.
  option.grid.push({ left, right, top, height: strip });
  option.xAxis.push(time(0, false));
  option.yAxis.push({ ...categories(l, ["ES"], {}), gridIndex: 0 });
  option.xAxis[0].splitLine = { show: false };
  option.series.push({
    type: "custom",
    xAxisIndex: 0,
    yAxisIndex: 0,
    clip: true,
    encode: { x: [0, 1], y: 2 },
    data: line.spans.map((s) => ({ value: [s.from, s.to, 0], says: s.text, colour: l[s.class] })),
    renderItem: (params, api) => {
      const s = line.spans[params.dataIndex];
      const [x1] = api.coord([Math.max(s.from, api.value(0)), 0]);
      const [x2] = api.coord([s.to, 0]);
      const { x, y, width, height } = params.coordSys;
      const from = Math.max(x1, x);
      const to = Math.min(x2, x + width);
      if (to <= from) return null;
      const name = s.text.replace(/^ES /, "").replace(/:.*/, "");
      const fits = to - from > name.length * 6.5;
      return {
        type: "group",
        children: [
          { type: "rect", shape: { x: from, y, width: to - from, height }, style: { fill: l[s.class] } },
          { type: "text", invisible: !fits, style: { text: name, x: (from + to) / 2, y: y + height / 2 + 0.5, fill: l.paper, font: l.small, align: "center", verticalAlign: "middle" } },
        ],
      };
    },
  });
  const marks = {
    silent: true,
    symbol: "none",
    animation: false,
    lineStyle: { color: l.ink, type: [3, 3], width: 1 },
    data: line.marks.map((m) => ({ xAxis: m.at, label: { show: false } })),
  };
  const shades = { silent: true, animation: false, itemStyle: { color: l.shade }, data: line.throttled.map((s) => [{ xAxis: s.from }, { xAxis: Math.max(s.to, s.from + line.length / 500) }]) };
  line.tracks.forEach((track, n) => {
    const i = n + 1;
    const last = i === line.tracks.length;
    option.grid.push({ left, right, top: top + strip + 34 + n * (panel + gap), height: panel });
    option.xAxis.push(time(i, last));
    const [low, high] = bounds(track.bins.flatMap((b) => [b[2], b[3]]));
    const pad = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
    option.yAxis.push(axis(l, {
      gridIndex: i,
      min: Math.max(0, low - pad),
      max: track.unit === "%" ? Math.min(100, high + pad) : high + pad,
      name: `${track.name}, ${track.unit}`,
      nameGap: 8,
      nameTextStyle: { color: l.ink, fontSize: 12, align: "left", padding: [0, 0, 0, -left + 8] },
      splitNumber: 4,
      axisLabel: { showMinLabel: false, showMaxLabel: false },
      splitLine: { showMinLine: false, showMaxLine: false },
    }));
    const common = { type: "line", xAxisIndex: i, yAxisIndex: i, symbol: "none", emphasis: { disabled: true }, animation: false };
    const band = { ...common, stack: "band" + i, silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false } };
    option.series.push(
      { ...band, name: "", data: track.bins.map((b) => [b[0], b[2]]), stackStrategy: "all" },
      { ...band, name: "", data: track.bins.map((b) => [b[0], b[3] - b[2]]), stackStrategy: "all", areaStyle: { color: l[track.class], opacity: 0.22 } },
      { ...common, name: `${track.name}, ${track.unit}`, data: track.bins.map((b) => ({ value: [b[0], b[1]], bin: b })), color: l[track.class], lineStyle: { width: 1.8 }, markLine: marks, markArea: shades },
    );
  });
  option.series[0].markLine = labelled(line.marks, marks, l);
  const bottom = top + strip + 34 + line.tracks.length * (panel + gap) - gap;
  const all = [...option.xAxis.keys()];
  option.dataZoom = [
    { type: "inside", xAxisIndex: all, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, filterMode: "none" },
    { type: "slider", show: !l.print, xAxisIndex: all, top: bottom + 44, height: 20, left, right, brushSelect: false, filterMode: "none", borderColor: l.rule, fillerColor: l.shade, textStyle: { color: l.soft }, labelFormatter: (v) => number(v) + " s", showDataShadow: false },
  ];
  option.tooltip = tip(l, {
    trigger: "axis",
    formatter: (items) => {
      const shown = items.filter((p) => p.data.bin);
      if (!shown.length) return "";
      const at = shown[0].data.bin[0];
      const span = line.spans.find((s) => at >= s.from && at <= s.to);
      const throttled = line.throttled.find((s) => at >= s.from && at <= s.to);
      const rows = shown.map((p) => `${swatch(p.color)}${text(p.seriesName)}: <b>${number(p.data.bin[1])}</b> (${number(p.data.bin[2])} to ${number(p.data.bin[3])})`);
      return [`<b>${number(at)} s</b>${span ? ", " + text(span.text) : ""}`, ...rows, ...(throttled ? [text(throttled.text)] : [])].join("<br>");
    },
  });
  return { height: bottom + 44 + 20 + 14, option };
}

// labelled writes what happened above the strip, where there is room: the table has all of it.
function labelled(marks, style, l) {
  const few = marks.length <= (l.narrow ? 5 : 12);
  return { ...style, data: marks.map((m, i) => ({ xAxis: m.at, label: { show: few, formatter: m.text, color: l.ink, fontSize: 11, distance: 4 + 12 * (i % 2) } })) };
}
