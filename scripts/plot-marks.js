// The marks that the report's figures use, and no others: what is not named here is not shipped.
export { plot, dot, link, rect, ruleX, ruleY, text } from "@observablehq/plot";
