// Ratios with their intervals around 1, as in a forest plot.
function drawGains(gains, l) {
  let [low] = bounds(gains.map((g) => g.low).concat(0.97));
  let [, high] = bounds(gains.map((g) => g.high).concat(1.03));
  const room = (high / low) ** 0.04;
  low /= room;
  high *= room;
  const logarithmic = high / low > 3;
  const place = logarithmic ? Math.log10 : (v) => v;
  const colour = (g) => (g.low > 1 ? l.good : g.high < 1 ? l.bad : l.unsure);
  const sign = (g) => (g.low > 1 ? "▲ " : g.high < 1 ? "▼ " : "");
  const says = (g) => `${sign(g)}${g.value.toFixed(3)}` + (l.narrow ? "" : ` [${g.low.toFixed(3)}, ${g.high.toFixed(3)}]`);
  const bottom = { name: "off / on", nameLocation: "middle", nameGap: 24 };
  return {
    height: gains.length * 34 + 72,
    option: {
      grid: { left: l.narrow ? 108 : 120, right: l.narrow ? 70 : 168, top: 26, bottom: 42 },
      xAxis: logarithmic ? logAxis(l, low, high, bottom) : axis(l, { min: low, max: high, ...bottom, axisLabel: { showMinLabel: false, showMaxLabel: false }, splitLine: { showMinLine: false, showMaxLine: false } }),
      yAxis: categories(l, gains.map((g) => g.name), { inverse: true }),
      tooltip: tip(l, {
        formatter: ({ dataIndex }) => {
          const g = gains[dataIndex];
          const means = g.low > 1 ? "faster with expert specialization" : g.high < 1 ? "slower with expert specialization" : "not settled";
          return `<b>${text(g.name)}</b>: ${g.value.toFixed(3)}<br>95% interval ${g.low.toFixed(4)} to ${g.high.toFixed(4)}<br>${means}`;
        },
      }),
      series: [
        {
          type: "custom",
          data: gains.map((g, i) => [place(g.value), i]),
          markLine: { silent: true, symbol: "none", animation: false, data: [{ xAxis: place(1) }], label: { show: false }, lineStyle: { color: l.ink, type: [4, 3], width: 1 } },
          renderItem: (params, api) => {
            const g = gains[params.dataIndex];
            const at = (v) => api.coord([place(v), params.dataIndex])[0];
            const y = api.coord([0, params.dataIndex])[1];
            const stroke = { stroke: colour(g), lineWidth: 2 };
            const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: stroke });
            const { x, y: top, width } = params.coordSys;
            const side = (words, at, align) => ({ type: "text", style: { text: words, x: at, y: top - 8, fill: l.soft, font: l.small, align, verticalAlign: "bottom" } });
            const one = at(1);
            const sides = params.dataIndex ? [] : [side("◀ slower with ES", one - 8, "right"), side("faster with ES ▶", one + 8, "left")];
            if (one - x < 20) sides.shift();
            return {
              type: "group",
              children: [
                ...sides,
                line(at(g.low), y, at(g.high), y),
                line(at(g.low), y - 6, at(g.low), y + 6),
                line(at(g.high), y - 6, at(g.high), y + 6),
                { type: "circle", shape: { cx: at(g.value), cy: y, r: 4.5 }, style: { fill: colour(g) } },
                { type: "text", style: { text: says(g), x: x + width + 8, y, fill: l.ink, font: l.font, verticalAlign: "middle" } },
              ],
            };
          },
        },
      ],
    },
  };
}
