# Random-intercept models of seeded cohorts: lmerTest's Satterthwaite and pbkrtest's Kenward-Roger answers.
# In: nothing. Out: tables/mixed_*.tsv, tables/mixed_sessionInfo.txt. Run: LC_ALL=C Rscript r/mixed.R (from tests/golden).
suppressPackageStartupMessages({library(lmerTest); library(pbkrtest)})
set.seed(20261121)

cohort <- function(design, n) {
  # One row a sample: pairs; pairs with repeats; pairs beside patients with one sample; groups with repeats.
  rows <- switch(design,
    pairs = data.frame(patient = rep(seq_len(n), each = 2), test = rep(0:1, n)),
    repeats = do.call(rbind, lapply(seq_len(n), function(i)
      data.frame(patient = i, test = rep(0:1, c(1 + i %% 2, 1 + i %% 3))))),
    unpaired = rbind(data.frame(patient = rep(seq_len(n), each = 2), test = rep(0:1, n)),
                     data.frame(patient = n + seq_len(n), test = seq_len(n) %% 2)),
    groups = do.call(rbind, lapply(seq_len(2 * n), function(i)
      data.frame(patient = i, test = rep(i %% 2, 1 + i %% 3)))))
  rows$age <- round(rnorm(max(rows$patient))[rows$patient] * 10 + 50)
  rows
}

sheet <- list(); answers <- list()
for (design in c("pairs", "repeats", "unpaired", "groups")) for (n in c(6, 12)) for (covariate in c(FALSE, TRUE)) {
  for (response in 1:6) {
    rows <- cohort(design, n)
    sd_patient <- c(0.5, 1, 2)[1 + response %% 3]
    rows$y <- signif(rnorm(max(rows$patient), sd = sd_patient)[rows$patient] + 0.8 * rows$test + rnorm(nrow(rows)), 9)
    formula <- if (covariate) y ~ age + test + (1 | patient) else y ~ test + (1 | patient)
    fit <- lmer(formula, data = rows, REML = TRUE, control = lmerControl(optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-12)))
    s <- coef(summary(fit))["test", ]
    k <- suppressMessages(coef(summary(fit, ddf = "Kenward-Roger"))["test", ])
    name <- sprintf("%s_%d_%s_%d", design, n, if (covariate) "age" else "plain", response)
    sheet[[name]] <- data.frame(case = name, rows)
    sds <- as.data.frame(VarCorr(fit))$sdcor
    answers[[name]] <- data.frame(case = name, singular = isSingular(fit), sd_blocks = sds[1], sd_within = sds[2],
      effect = s[["Estimate"]], se = s[["Std. Error"]], df = s[["df"]], p = s[["Pr(>|t|)"]],
      kr_se = k[["Std. Error"]], kr_df = k[["df"]], kr_p = k[["Pr(>|t|)"]])
  }
}
save <- function(frames, path) {
  frame <- do.call(rbind, frames)
  for (j in seq_along(frame)) if (is.numeric(frame[[j]])) frame[[j]] <- signif(frame[[j]], 9)
  write.table(frame, path, sep = "\t", quote = FALSE, row.names = FALSE)
}
save(sheet, "tables/mixed_samples.tsv")
save(answers, "tables/mixed_answers.tsv")
writeLines(capture.output(sessionInfo()), "tables/mixed_sessionInfo.txt")
