// Latency of the layer over the tokens of a batch.
function drawTokens({ tokens, curves }, l) {
  const [x1, x2] = [tokens[0], tokens[tokens.length - 1]];
  let [y1, y2] = bounds(curves.flatMap((c) => c.us.filter((us) => us !== null)));
  y1 *= 0.92;
  y2 *= 1.08;
  const few = tokens.length <= 20;
  const whole = (v) => String(Math.round(v));
  return {
    height: 340,
    option: {
      grid: { left: 58, right: 20, top: l.narrow ? 58 : 38, bottom: 42 },
      legend: legend(l, { left: 46 }),
      xAxis: logAxis(l, x1, x2, { name: "tokens", nameLocation: "middle", nameGap: 24, ticks: few ? tokens : roundTicks(x1, x2), write: whole }),
      yAxis: logAxis(l, y1, y2, { name: "µs", nameGap: 8, nameTextStyle: { color: l.soft, fontSize: 11, align: "right" } }),
      tooltip: tip(l, {
        trigger: "axis",
        axisPointer: { lineStyle: { color: l.soft } },
        formatter: (all) => {
          const rows = all.map((p) => `${swatch(p.color)}${text(p.seriesName)} ${number(10 ** p.value[1])} µs`);
          return `<b>${whole(10 ** all[0].value[0])} tokens</b><br>${rows.join("<br>")}`;
        },
      }),
      series: curves.map((c) => ({
        type: "line",
        name: c.name,
        data: c.us.map((us, i) => (us === null ? null : [Math.log10(tokens[i]), Math.log10(us)])).filter(Boolean),
        symbol: symbols[c.class],
        symbolSize: 7,
        showSymbol: few,
        sampling: "lttb",
        color: l[c.class],
        lineStyle: { width: 2, type: dashes[c.class] },
        emphasis: { disabled: true },
      })),
    },
  };
}
