(() => {
  const options = {renderer: "svg", actions: false, tooltip: {disableDefaultStyle: true, theme: "custom"}};
  const charts = [...document.querySelectorAll(".chart")];
  const failed = (chart, error) => { chart.textContent = "This chart could not be drawn: " + error; console.error(error); };
  Promise.all(charts.map((chart) => {
    const text = document.getElementById(chart.dataset.specification).textContent;
    return vegaEmbed(chart, JSON.parse(text), options).catch((error) => failed(chart, error));
  })).then(() => { document.documentElement.dataset.drawn = String(charts.length); });
  // Folded parts are printed, and are folded again afterwards.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((one) => { one.open = true; });
  });
  window.addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); });
})();
