"""A study of 24 combinations of real variants, and what of its table is the same in every run."""

TIMES = ("tr_time", "te_time")

REAL = """
inputs:
  vcf: {real}/clinvar.vep.vcf.gz
  cadd_snv: {real}/CADD_clingen.tsv.gz
  cadd_indel: {real}/CADD_clingen_indel.tsv.gz
grid:
  transcript: [canonical, keep_all]
  quality: [twostar, onestar]
  restriction: missense
  vus_inclusion: exclude
  categorical: dummy
  imputation: [zero_imp, max_imp, min_imp, outlier_imp, mean_imp, median_imp]
  downsampling: on
  hyperparameter_search_type: grid
  nonzero_variance_check: on
  correlation_check: on
  training_data_sampling_percentage: 1.0
  feature_sampling_percentage: 0.33
folds: 3
seed: 1
protocol: amiss
classifiers: [rf, xgboost, lr]
"""


def without_times(directory):
    """The bytes of the final table, with the cells of its two columns of time taken out."""
    text = (directory / "results" / "final_cv_results.csv").read_bytes().decode("utf-8")
    lines = [line.split(",") for line in text.split("\n")]
    places = [lines[0].index(name) for name in TIMES]
    for line in lines[:-1]:
        assert len(line) == len(lines[0]), "a cell holds a comma: this comparison does not see it"
        for place in places:
            line[place] = ""
    return lines
