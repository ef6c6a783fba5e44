// Off/on over tokens, a row for each figure of each group, or for each group where that is too many.
const unmeasured = 9; // a level of its own
const heatUnit = 10000; // of the ratios in the data

// heatKey says which class of the style sheet stands for what.
function heatKey(map) {
  const [s1, s2, s3] = map.steps;
  const key = [["b4", `▼ over ${s3}`], ["b3", `▼ to ${s3}`], ["b2", `▼ to ${s2}`], ["b1", `▼ to ${s1}`], ["h0", "not settled"], ["g1", `▲ to ${s1}`], ["g2", `▲ to ${s2}`], ["g3", `▲ to ${s3}`], ["g4", `▲ over ${s3}`]];
  if (map.groups.some((g) => g.failed.length)) key.push(["none", "× not measured"]);
  return key;
}

function drawHeat(map, l, choice) {
  const together = map.groups.length * map.figures.length <= 40;
  const level = (value, low, high) => {
    if (!(low > 1 || high < 1)) return 0;
    const size = value < 1 ? 1 / value : value;
    return (1 + map.steps.filter((s) => size >= s).length) * (value < 1 ? -1 : 1);
  };
  const rows = [];
  const data = [];
  map.groups.forEach((group) => {
    for (const f of together ? map.figures.keys() : [choice]) {
      const row = rows.push(together ? `${group.name}  ${map.figures[f]}` : group.name) - 1;
      for (const cell of group.cells) {
        const [value, below, above] = cell.slice(1 + 3 * f, 4 + 3 * f);
        if (!value) continue;
        const ratio = [value, value - below, value + above].map((v) => v / heatUnit);
        data.push({ value: [cell[0], row, level(...ratio)], ratio });
      }
      for (const failed of group.failed) data.push({ value: [failed.place, row, unmeasured], why: failed.text });
    }
  });
  const margin = Math.min(Math.max(...rows.map((r) => r.length)) * (l.narrow ? 5.9 : 6.8) + 14, l.narrow ? 150 : 240);
  const rowHeight = 24;
  const rowsSeen = Math.min(rows.length, 40);
  const columnsSeen = Math.min(map.tokens.length, Math.max(8, Math.floor((l.width - margin - 20) / 12)));
  const cellWidth = (l.width - margin - 20) / columnsSeen;
  const sliders = [];
  const slider = (more) => sliders.push({ type: "slider", brushSelect: false, showDetail: false, borderColor: l.rule, textStyle: { color: l.soft }, ...more });
  if (map.tokens.length > columnsSeen) slider({ xAxisIndex: 0, startValue: 0, endValue: columnsSeen - 1, height: 16, top: 4 });
  if (rows.length > rowsSeen) slider({ yAxisIndex: 0, startValue: 0, endValue: rowsSeen - 1, width: 14, right: 2, minValueSpan: rowsSeen - 1, maxValueSpan: rowsSeen - 1 });
  const top = map.tokens.length > columnsSeen ? 32 : 4;
  const levels = [-4, -3, -2, -1, 0, 1, 2, 3, 4, unmeasured];
  return {
    height: top + rowsSeen * rowHeight + 44,
    choices: together ? null : map.figures,
    key: heatKey(map),
    option: {
      grid: { left: margin, right: 20, top, height: rowsSeen * rowHeight },
      xAxis: { ...categories(l, map.tokens.map(String), { name: "tokens", nameLocation: "middle", nameGap: 26, nameTextStyle: { color: l.soft, fontSize: 11 } }), splitArea: { show: false } },
      yAxis: categories(l, rows, { inverse: true, axisLabel: { fontSize: l.narrow ? 11 : 12, width: margin - 10, overflow: "truncate", interval: 0 } }),
      dataZoom: sliders,
      visualMap: {
        type: "piecewise",
        dimension: 2,
        seriesIndex: 0,
        show: false, // the key above the plot wraps where the library's would not
        pieces: levels.map((value) => ({ value, color: value === unmeasured ? l.none : l.heat[value] })),
        hoverLink: false,
      },
      tooltip: tip(l, {
        formatter: ({ data: d }) => {
          const head = `<b>${text(rows[d.value[1]])}</b>, ${map.tokens[d.value[0]]} tokens<br>`;
          if (d.why) return head + text(d.why);
          const [value, low, high] = d.ratio;
          return `${head}off/on ${value.toFixed(3)}, 95% interval ${low.toFixed(3)} to ${high.toFixed(3)}`;
        },
      }),
      series: [
        {
          type: "heatmap",
          data,
          itemStyle: { borderColor: l.paper, borderWidth: cellWidth > 16 ? 1 : 0 },
          label: {
            show: cellWidth >= 12,
            color: l.ink,
            fontSize: cellWidth >= 48 ? 11 : cellWidth >= 36 ? 10 : 8,
            formatter: ({ data: d }) => {
              if (d.why) return "×";
              const sign = d.value[2] > 0 ? "▲" : d.value[2] < 0 ? "▼" : "";
              if (cellWidth < 36) return sign;
              return (cellWidth >= 48 ? sign : "") + d.ratio[0].toFixed(2);
            },
          },
          emphasis: { itemStyle: { borderColor: l.ink, borderWidth: 1.5 } },
          progressive: 0,
        },
      ],
    },
  };
}
