// Latency over percentile, on an axis that gives each further nine the same room.
function drawDistribution(panels, l) {
  const place = (percent) => -Math.log10(1 - percent / 100);
  const wide = l.width >= 660;
  const gap = 58;
  const columns = wide ? panels.length : 1;
  const first = panels.length > 1 && wide ? 1.25 : 1; // The layer has twice as many curves.
  const unit = (l.width - gap * columns - 8) / (wide ? panels.length - 1 + first : 1);
  const height = 250;
  const top = l.narrow ? 64 : 44;
  const option = { grid: [], xAxis: [], yAxis: [], series: [], legend: legend(l, { type: "plain", width: l.width }) };
  let left = 50;
  panels.forEach((panel, i) => {
    const width = unit * (wide && i === 0 ? first : 1);
    const over = wide ? top : top + i * (height + 74);
    const ends = panel.curves.map((c) => Math.max(2, Math.log10(c.count)));
    const points = panel.curves.flatMap((c) => c.points.map((p) => p[1]).concat(c.max));
    let [low, high] = bounds(points);
    const logarithmic = high / low > 6;
    const pad = (high / low) ** 0.05;
    low /= pad;
    high *= pad;
    const y = logarithmic ? Math.log10 : (v) => v;
    const name = { gridIndex: i, name: panel.name + ", µs", nameGap: 8, nameTextStyle: { color: l.ink, fontSize: 12, align: "left", padding: [0, 0, 0, -36] } };
    option.grid.push({ left, width, top: over, height });
    const most = Math.max(...ends);
    const nines = [0, place(50), 1, 2, 3, 4, 5, 6].filter((v) => v <= most);
    option.xAxis.push(
      axis(l, {
        gridIndex: i,
        min: 0,
        max: most,
        name: "percentile",
        nameLocation: "middle",
        nameGap: 24,
        axisLabel: { customValues: nines, formatter: (v) => String(Number((100 * (1 - 10 ** -v)).toPrecision(7))) },
        axisTick: { customValues: nines },
      }),
    );
    option.yAxis.push(logarithmic ? logAxis(l, low, high, name) : axis(l, { min: low, max: high, ...name, axisLabel: { showMinLabel: false, showMaxLabel: false }, splitLine: { showMinLine: false, showMaxLine: false } }));
    for (const c of panel.curves) {
      const data = c.points.filter((p) => place(p[0]) < Math.log10(c.count)).map((p) => ({ value: [place(p[0]), y(p[1])], says: `p${p[0]}: ${number(p[1])} µs` }));
      data[0].says = `shortest: ${number(c.points[0][1])} µs`;
      data.push({ value: [Math.log10(c.count), y(c.max)], says: `longest of ${c.count}: ${number(c.max)} µs` });
      option.series.push({
        type: "line",
        name: c.name || panel.name,
        xAxisIndex: i,
        yAxisIndex: i,
        data,
        symbol: symbols[c.class],
        symbolSize: 6,
        color: l[c.class],
        lineStyle: { width: 2, type: dashes[c.class] },
        emphasis: { disabled: true },
      });
    }
    left += wide ? width + gap : 0;
  });
  option.tooltip = tip(l, { formatter: (p) => `${swatch(p.color)}<b>${text(p.seriesName)}</b><br>${text(p.data.says)}` });
  return { height: wide ? top + height + 44 : top + panels.length * (height + 74) - 26, option };
}
