// The marks that the report's figures use, and no others: what is not named here is not shipped.
export { plot, dot, link, ruleX, ruleY, text, tickX, axisX, axisY, gridX, line, cell, tip, pointer } from "@observablehq/plot";
