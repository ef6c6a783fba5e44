// Medians of the stages as bars, with what lies beyond them.
function drawStages(bars, l) {
  const longest = Math.max(...bars.map((b) => Math.max(b.p99, b.median)));
  const line = (x1, y1, x2, y2, width) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: l.ink, lineWidth: width } });
  return {
    height: bars.length * 30 + 44,
    option: {
      grid: { left: 78, right: 74, top: 4, bottom: 40 },
      xAxis: axis(l, { name: "µs", nameLocation: "middle", nameGap: 24, max: longest * 1.01, axisLabel: { showMaxLabel: false }, splitLine: { showMaxLine: false } }),
      yAxis: categories(l, bars.map((b) => b.name), { inverse: true }),
      tooltip: tip(l, {
        formatter: ({ dataIndex }) => {
          const b = bars[dataIndex];
          const interval = b.interval ? `<br>95% interval ${number(b.interval[0])} to ${number(b.interval[1])} µs` : "";
          return `<b>${text(b.name)}</b><br>median ${number(b.median)} µs<br>p90 ${number(b.p90)} µs<br>p99 ${number(b.p99)} µs${interval}`;
        },
      }),
      series: [
        { type: "bar", barWidth: "62%", data: bars.map((b) => ({ value: b.median, itemStyle: { color: l[b.class], borderRadius: [0, 2, 2, 0] } })) },
        {
          type: "custom",
          z: 3,
          data: bars.map((b, i) => [b.p99, i]),
          renderItem: (params, api) => {
            const b = bars[params.dataIndex];
            const at = (us) => api.coord([us, params.dataIndex])[0];
            const y = api.coord([0, params.dataIndex])[1];
            const children = [line(at(b.median), y, at(b.p99), y, 1), line(at(b.p90), y - 4, at(b.p90), y + 4, 1)];
            if (b.interval) {
              const [low, high] = b.interval.map(at);
              children.push(line(low, y - 7, low, y + 7, 1.5), line(high, y - 7, high, y + 7, 1.5), line(low, y, high, y, 1.5));
            }
            const end = at(Math.max(b.p99, b.median, b.interval ? b.interval[1] : 0));
            children.push({ type: "text", style: { text: number(b.median) + " µs", x: end + 6, y, fill: l.ink, font: l.font, verticalAlign: "middle" } });
            return { type: "group", children };
          },
        },
      ],
    },
  };
}
