//! Orthonormal rows or columns of a matrix of normal numbers, by Gram and Schmidt.

/// Makes the columns of a row-major matrix orthonormal, or its rows where these are fewer.
///
/// Each vector loses what it shares with the ones before, twice: "twice is enough" for orthogonality to
/// rounding (Giraud, Langou, Rozložník, 2005). Its own direction keeps its sign, so that of independent
/// normal numbers the result is evenly distributed, as that of a QR decomposition with a positive
/// diagonal of R (Mezzadri: "How to generate random matrices from the classical compact groups", 2007).
pub(super) fn orthogonalize(values: &mut [f64], rows: usize, columns: usize) {
    let tall = rows >= columns;
    let (count, length) = if tall { (columns, rows) } else { (rows, columns) };
    let place = |vector: usize, i: usize| if tall { i * columns + vector } else { vector * columns + i };
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(count);
    for k in 0..count {
        let mut own: Vec<f64> = (0..length).map(|i| values[place(k, i)]).collect();
        for _ in 0..2 {
            for other in &done {
                let shared = dot(&own, other);
                own.iter_mut().zip(other).for_each(|(x, y)| *x -= shared * y);
            }
            let norm = dot(&own, &own).sqrt();
            own.iter_mut().for_each(|x| *x /= norm);
        }
        own.iter().enumerate().for_each(|(i, x)| values[place(k, i)] = *x);
        done.push(own);
    }
}

/// In eight sums, which lie side by side in a register.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f64>() + rest
}
