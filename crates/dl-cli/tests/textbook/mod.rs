//! Formulas of textbooks, which several tests share.
#![allow(dead_code)]

/// They overflow or lose digits when they are computed as they stand.
pub(crate) const HARMED: [(&str, &str); 19] = [
    ("softplus", "log(1 + exp(x))"),
    ("logistic loss", "log(1 + exp(-y * dot(x, w)))"),
    ("logistic function", "exp(x) / (1 + exp(x))"),
    ("log of the logistic function", "log(1 / (1 + exp(-x)))"),
    ("log of its complement", "log(1 - 1/(1 + exp(-x)))"),
    ("log-sum-exp", "log(sum(exp(x)))"),
    ("log of a softmax", "log(exp(x[0]) / sum(exp(x)))"),
    ("binary cross entropy of a logit", "-(y*log(1/(1 + exp(-z))) + (1 - y)*log(1 - 1/(1 + exp(-z))))"),
    ("hyperbolic tangent", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"),
    ("exponential less one", "exp(x) - 1"),
    ("logarithm beside one", "log(1 + x)"),
    ("variance by two means", "mean(x^2) - mean(x)^2"),
    ("hyperbolic sine", "(exp(x) - exp(-x)) / 2"),
    ("log of a hyperbolic cosine", "log((exp(x) + exp(-x)) / 2)"),
    ("versine", "1 - cos(x)"),
    ("difference of roots", "sqrt(x + 1) - sqrt(x)"),
    ("length of the hypotenuse", "sqrt(x^2 + y^2) - y"),
    // 0·∞ at 0.
    ("entropy term", "-x*log(x)"),
    ("discount", "(exp(x) - 1) / x"),
];

/// They are right as they stand.
pub(crate) const HEALTHY: [(&str, &str); 17] = [
    ("square", "(theta - 3)^2"),
    ("ridge", "(theta - 3)^2 + lambda*theta^2"),
    ("least squares", "sum(i, (y[i] - sum(j, X[i,j] * w[j]))^2)"),
    ("mean absolute error", "mean(abs(x - y))"),
    ("hinge", "max(0, 1 - y*x)"),
    ("Huber", "where(abs(r) <= 1, r²/2, abs(r) - 1/2)"),
    ("quadratic form", "x' @ A @ x / 2 - b @ x"),
    ("Gaussian density", "exp(-(x - μ)^2 / 2)"),
    ("logistic function, built in", "sigmoid(x)"),
    ("softplus, built in", "softplus(x)"),
    ("log-sum-exp, built in", "logsumexp(x)"),
    ("cross entropy, built in", "mean(cross_entropy(Z, y))"),
    ("variance about the mean", "m = mean(x); mean((x - m)^2)"),
    ("norm", "norm(x)"),
    ("cosine", "dot(x, y) / (norm(x) * norm(y))"),
    ("lasso", "sum((X @ w - y)^2)/2 + λ*norm1(w)"),
    ("Poisson loss with a positive rate", "sum(r - y*log(r))"),
];

/// More of them, which are only differentiated.
pub(crate) const MORE: [(&str, &str); 26] = [
    ("rational", "(x^2 + 1) / (x^4 + 2)"),
    ("power", "x^3 - 2*x^2 + x^-1"),
    ("general power", "x^y"),
    ("oscillation", "exp(-x^2) * cos(3*x)"),
    ("quotient", "sin(x) / (2 + cos(x))"),
    ("nested", "tanh(sin(x) + sigmoid(2*x)^2)"),
    ("error function", "erf(x / sqrt(2))"),
    ("gelu", "sum(gelu(x))"),
    ("silu", "sum(silu(x))"),
    ("absolute and sign", "abs(x - 1) * sign(y + 3)"),
    ("relu network", "sum(relu(A @ x + b))"),
    ("two layers", "h = tanh(X @ W + b); mean(square(h @ v - y))"),
    ("classifier", "z = X @ W + b; mean(cross_entropy(z, y)) + λ*sum(W^2)"),
    ("softmax of one", "softmax(x)[0]"),
    ("Kullback and Leibler", "p = softmax(a); q = softmax(b); sum(p * (log(p) - log(q)))"),
    ("attention of one query", "a = softmax(K @ q); o = a @ V; o @ o"),
    ("log-determinant of two", "log((a + 2)*(d + 2) - b*c)"),
    ("trace of a product", "sum(i, sum(j, A[i,j] * B[j,i]))"),
    ("bilinear", "sum(i, sum(j, x[i] * A[i,j] * y[j]))"),
    ("polynomial in an index", "sum(i, w[i]^2) * prod(i, x[i])"),
    ("mean and deviation", "m = mean(x); s = sqrt(mean((x - m)^2) + 1); sum((x - m)/s * y)"),
    ("Gaussian likelihood", "log(σ) + (x - μ)^2 / (2*σ^2)"),
    ("Cauchy", "log(1 + (r/c)^2)"),
    ("tied weights", "h = sigmoid(X @ W); mean((h @ W' - X)^2)"),
    ("largest of both", "max(x, y)^2 + min(x, 2*y)"),
    ("contrast", "s = (x @ y) / (norm(x)*norm(y)); log(1 + exp(-s/τ))"),
];
