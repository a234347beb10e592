# Firth's logistic regression, Cox models, Kaplan-Meier curves and DeLong's interval on seeded data.
# Run from tests/golden: LC_ALL=C Rscript r/association.R
suppressPackageStartupMessages({library(brglm2); library(survival); library(pROC)})
set.seed(20)
write <- function(frame, name) {
  for (column in names(frame)) if (is.double(frame[[column]])) frame[[column]] <- signif(frame[[column]], 10)
  write.table(frame, file.path("tables", paste0("association_", name, ".tsv")), sep = "\t", quote = FALSE,
              row.names = FALSE, na = "")
}
cohort <- function(name, n, effect, separated = FALSE, tied = FALSE) {
  score <- signif(rnorm(n), 6)
  if (tied) score <- round(score)
  covariate <- signif(rnorm(n) + 0.5 * score, 6)
  response <- if (separated) as.integer(score > median(score)) else rbinom(n, 1, plogis(effect * score))
  time <- rexp(n) * exp(-effect * score)
  event <- rbinom(n, 1, 0.75)
  time <- if (tied) ceiling(time * 6) else signif(time, 6)
  data.frame(case = name, score, covariate, response, time, event)
}
cases <- rbind(cohort("plain", 24, 0.8), cohort("separated", 20, 0, separated = TRUE),
               cohort("ties", 40, 0.6, tied = TRUE), cohort("null", 60, 0))
write(cases, "data")

# The penalised likelihood, written out: half the log determinant of the information beside the likelihood.
penalised <- function(beta, x, y) {
  eta <- drop(x %*% beta)
  w <- plogis(eta) * (1 - plogis(eta))
  sum(y * eta - log1p(exp(eta))) + 0.5 * as.numeric(determinant(crossprod(x * sqrt(w)))$modulus)
}
profile_at <- function(effect, x, y, start) {
  rest <- function(free) -penalised(append(free, effect, after = 1), x, y)
  # Far out under separation the likelihood is flat: the other coefficients grow with the one that is held.
  grown <- start[-2] * effect / start[2]
  values <- sapply(list(start[-2], grown), function(from) {
    reached <- from
    for (again in 1:5) {
      fit <- optim(reached, rest, method = "BFGS", control = list(reltol = 1e-15, maxit = 1000, parscale = pmax(abs(reached), 0.1)))
      reached <- fit$par
    }
    fit$value
  })
  -min(values)
}
firth <- function(frame, name, formula) {
  fit <- glm(formula, binomial, frame, method = "brglmFit", type = "AS_mean", epsilon = 1e-10, maxit = 1000)
  x <- model.matrix(formula, frame)
  best <- penalised(coef(fit), x, frame$response)
  drop <- function(effect) profile_at(effect, x, frame$response, coef(fit)) - best + qchisq(0.95, 1) / 2
  b <- unname(coef(fit)[2]); se <- sqrt(vcov(fit)[2, 2])
  low <- uniroot(drop, c(b - 20 * se, b), tol = 1e-9)$root
  high <- uniroot(drop, c(b, b + 20 * se), tol = 1e-9)$root
  p <- pchisq(2 * (best - profile_at(0, x, frame$response, coef(fit))), 1, lower.tail = FALSE)
  data.frame(case = name, covariates = length(coef(fit)) - 2, intercept = unname(coef(fit)[1]), effect = b,
             standard_error = se, low, high, p)
}
split_cases <- split(cases, factor(cases$case, unique(cases$case)))
write(do.call(rbind, lapply(names(split_cases), function(name) rbind(
  firth(split_cases[[name]], name, response ~ score),
  firth(split_cases[[name]], name, response ~ score + covariate)))), "firth")

write(do.call(rbind, lapply(names(split_cases), function(name) {
  fit <- coxph(Surv(time, event) ~ score, split_cases[[name]], ties = "efron")
  null <- coxph(Surv(time, event) ~ score, split_cases[[name]], ties = "efron", init = 0,
                control = coxph.control(iter.max = 0))
  s <- summary(fit)
  data.frame(case = name, effect = unname(coef(fit)), standard_error = sqrt(vcov(fit)[1, 1]),
             low = confint(fit)[1], high = confint(fit)[2], p = unname(s$logtest["pvalue"]),
             log_likelihood = fit$loglik[2],
             score_numerator = unname(sum(residuals(null, type = "score"))),
             score_test = unname(s$sctest["test"]), information_at_0 = 1 / vcov(null)[1, 1])
})), "cox")

write(do.call(rbind, lapply(names(split_cases), function(name) {
  s <- summary(survfit(Surv(time, event) ~ 1, split_cases[[name]], conf.type = "log-log"), censored = TRUE)
  data.frame(case = name, time = s$time, at_risk = s$n.risk, events = s$n.event, survival = s$surv,
             low = s$lower, high = s$upper)
})), "curves")

write(do.call(rbind, lapply(names(split_cases), function(name) {
  frame <- split_cases[[name]]
  r <- roc(frame$response, frame$score, levels = c(0, 1), direction = "<", quiet = TRUE)
  data.frame(case = name, auc = as.numeric(auc(r)), variance = as.numeric(var(r, method = "delong")))
})), "auc")

options(width = 100)
writeLines(capture.output(sessionInfo()), "tables/association_sessionInfo.txt")
