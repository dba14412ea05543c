//! Windows against plain loops in `f64`, by every vector unit that this CPU has.

use super::*;

/// Numbers around zero, the same every time.
fn noise(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// Windows of images `[height, width, channels]`: places, then offsets, and the elements of an image.
fn windows(stride: usize, dilation: usize, channels: usize) -> (Lines, Lines, usize) {
    let (height, width, size) = (9, 8, [3, 2]);
    let places = |n: usize, size: usize| (n - (size - 1) * dilation - 1) / stride + 1;
    let row = width * channels;
    let down = (places(height, size[0]), stride * row);
    let across = (places(width, size[1]), stride * channels);
    let inside = match dilation {
        1 => vec![(size[0], row), (size[1] * channels, 1)],
        _ => vec![(size[0], dilation * row), (size[1], dilation * channels), (channels, 1)],
    };
    (Lines::new(&[down, across]), Lines::new(&inside), height * row)
}

fn near(got: &[f32], want: &[f64], terms: usize) {
    assert_eq!(got.len(), want.len());
    for (a, b) in got.iter().zip(want) {
        assert!((f64::from(*a) - b).abs() <= 1e-6 * (terms as f64).sqrt().max(1.0), "{a} for {b}");
    }
}

#[test]
fn products_with_windows_are_those_of_their_copies() {
    for kernels in Kernels::available() {
        for (stride, dilation, channels, n) in [(1, 1, 3, 5), (2, 1, 1, 1), (1, 2, 16, 16), (2, 3, 40, 70)] {
            let (places, offsets, len) = windows(stride, dilation, channels);
            let (m, k, images) = (places.size(), offsets.size(), 3);
            let (x, b, bias) = (noise(images * len, 1), noise(k * n, 2), noise(n, 3));
            let mut panels = vec![0.0; kernels.panels_len(k, n)];
            kernels.pack_panels(&mut panels, k, n, Operand::F32(Strided::rows(&b, n)));
            let mut want = vec![];
            for image in x.chunks_exact(len) {
                for place in places.places() {
                    for j in 0..n {
                        let term = |(l, offset): (usize, usize)| {
                            f64::from(image[place + offset]) * f64::from(b[l * n + j])
                        };
                        want.push(f64::from(bias[j]) + offsets.places().enumerate().map(term).sum::<f64>());
                    }
                }
            }
            let windows = Windows::new(places, offsets, (len, n), &kernels);
            let mut out = vec![f32::NAN; images * m * n];
            kernels.multiply_windows(&windows, (&x, &panels), (n, Some(&bias)), &mut out);
            near(&out, &want, k);
        }
    }
}

#[test]
fn gradients_of_weights_are_sums_over_all_places() {
    for kernels in Kernels::available() {
        for (stride, channels, n, images) in [(1, 3, 5, 2), (1, 1, 32, 150), (2, 2, 6, 300)] {
            let (places, offsets, len) = windows(stride, 1, channels);
            let (m, k) = (offsets.size(), places.size());
            let (x, b, before) = (noise(images * len, 1), noise(images * k * n, 2), noise(m * n, 3));
            let (alpha, beta) = (-0.5, 0.25);
            let mut want: Vec<f64> = before.iter().map(|c| f64::from(beta * c)).collect();
            for (image, b) in x.chunks_exact(len).zip(b.chunks_exact(k * n)) {
                for (i, offset) in offsets.places().enumerate() {
                    for (l, place) in places.places().enumerate() {
                        for j in 0..n {
                            let term = f64::from(image[place + offset]) * f64::from(b[l * n + j]);
                            want[i * n + j] += f64::from(alpha) * term;
                        }
                    }
                }
            }
            let windows = Windows::new(offsets, places, (len, n), &kernels);
            let mut workspace = vec![0.0; windows.workspace(n, &kernels)];
            let mut out = before.clone();
            let into = &mut Out::rows(&mut out, n);
            kernels.fold_windows(&windows, (&x, &b), n, (alpha, beta), (into, &mut workspace));
            near(&out, &want, images * k);
            let mut panels = vec![0.0; kernels.panels_len(m, n)];
            kernels.pack_panels(&mut panels, m, n, Operand::F32(Strided::rows(&before, n)));
            let into = &mut Out::panels(&mut panels, m);
            kernels.fold_windows(&windows, (&x, &b), n, (alpha, beta), (into, &mut workspace));
            kernels.unpack_panels(&panels, m, n, &mut out);
            near(&out, &want, images * k);
        }
    }
}

#[test]
fn windows_add_up_to_images() {
    for kernels in Kernels::available() {
        for (stride, dilation, channels, k) in [(1, 1, 3, 5), (2, 1, 1, 70), (1, 2, 16, 16)] {
            let (places, offsets, len) = windows(stride, dilation, channels);
            let (m, n, images) = (places.size(), offsets.size(), 2);
            let (a, b) = (noise(images * m * k, 1), noise(k * n, 2));
            let mut panels = vec![0.0; kernels.panels_len(k, n)];
            kernels.pack_panels(&mut panels, k, n, Operand::F32(Strided::rows(&b, n)));
            let mut want = vec![0.0; images * len];
            for (a, image) in a.chunks_exact(m * k).zip(want.chunks_exact_mut(len)) {
                for (i, place) in places.places().enumerate() {
                    for (j, offset) in offsets.places().enumerate() {
                        let term = |l: usize| f64::from(a[i * k + l]) * f64::from(b[l * n + j]);
                        image[place + offset] += (0..k).map(term).sum::<f64>();
                    }
                }
            }
            let overlap = Overlap::new(places, offsets, len);
            let mut workspace = vec![f32::NAN; overlap.workspace()];
            let mut out = vec![f32::NAN; images * len];
            kernels.overlap_windows(&overlap, (&a, k, &panels), (&mut out, &mut workspace));
            near(&out, &want, k * 6);
        }
    }
}
