# Williams' overdispersed binomial model of paired counts, by glm with iterated weights.
# Run from tests/golden: LC_ALL=C Rscript r/composition.R
set.seed(31)
make <- function(case, pairs, n, wander, effect) {
  level <- rnorm(pairs, -1.5, 0.6)
  do.call(rbind, lapply(seq_len(pairs), function(i) {
    share <- plogis(level[i] + rnorm(2, 0, wander) + c(0, effect))
    data.frame(case, pair = i, side = 0:1, total = n, cells = rbinom(2, n, share))
  }))
}
cases <- rbind(make("wandering", 10, c(400, 90), 0.5, 0.6), make("binomial", 8, c(200, 300), 0, 0.3),
               make("rare", 12, c(60, 40), 1.2, -0.4))
cases$total <- as.integer(cases$total)
write.table(cases, "tables/composition_counts.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
fit_at <- function(frame, phi) {
  w <- 1 / (1 + phi * (frame$total - 1))
  suppressWarnings(glm(cbind(cells, total - cells) ~ factor(pair) + side, binomial, frame, weights = w,
                       control = glm.control(1e-12, 200)))
}
answers <- do.call(rbind, lapply(unique(cases$case), function(case) {
  frame <- cases[cases$case == case, ]
  both <- tapply(frame$cells, frame$pair, sum)
  frame <- frame[frame$pair %in% names(both)[both > 0], ]
  df <- length(unique(frame$pair)) - 1
  excess <- function(phi) sum(residuals(fit_at(frame, phi), "pearson")^2) - df
  phi <- if (excess(0) <= 0) 0 else uniroot(excess, c(0, 1), tol = 1e-10)$root
  fit <- fit_at(frame, phi)
  x <- model.matrix(fit)
  w <- 1 / (1 + phi * (frame$total - 1))
  scores <- rowsum(x * (w * (frame$cells - frame$total * fitted(fit))), frame$pair)
  bread <- solve(crossprod(x * sqrt(w * frame$total * fitted(fit) * (1 - fitted(fit)))))
  sandwich <- bread %*% crossprod(scores) %*% bread * (df + 1) / df
  se <- sqrt(sandwich[ncol(x), ncol(x)])
  data.frame(case, pairs = df + 1, overdispersion = phi, effect = unname(coef(fit)["side"]), se,
             margin = qt(0.975, df) * se)
}))
for (column in names(answers)) if (is.double(answers[[column]])) answers[[column]] <- signif(answers[[column]], 10)
write.table(answers, "tables/composition_models.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
