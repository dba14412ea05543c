//! From a folder of images to a trained network.
#![cfg(all(feature = "cpu", feature = "images"))]
#![allow(clippy::unwrap_used)]

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam};
use dl_core::{F32, Graph, I64, Named, U8};
use dl_data::{Augmentation, ImageFolder};
use dl_train::{Augmented, Prefetch, Source, Trainer};

/// Stripes down and stripes across, in colours; `.png` and `.jpg`.
fn stripes(folder: &std::path::Path) {
    for class in ["across", "down"] {
        std::fs::create_dir(folder.join(class)).unwrap();
        for i in 0..40u32 {
            let image = image::RgbImage::from_fn(12, 12, |x, y| {
                let along = if class == "down" { x } else { y };
                if (along + i) / 2 % 2 == 0 {
                    image::Rgb([200, (5 * i) as u8, 40])
                } else {
                    image::Rgb([0; 3])
                }
            });
            let end = if i % 2 == 0 { "png" } else { "jpg" };
            image.save(folder.join(class).join(format!("{i:02}.{end}"))).unwrap();
        }
    }
}

#[test]
fn a_folder_of_images_becomes_a_trained_network() {
    let folder = tempfile::tempdir().unwrap();
    stripes(folder.path());
    let images = ImageFolder::open(folder.path()).unwrap();
    assert_eq!((images.classes(), Source::len(&images)), (&["across", "down"].map(String::from)[..], 80));
    assert_eq!(images.clone().grey().load().unwrap().images().shape(), [80, 12, 12]);
    let digest = images.digest().unwrap();
    assert_ne!(images.clone().grey().digest().unwrap(), digest);
    let b = Named("B");
    let g = Graph::new();
    let x = g.input("x", U8, (b, 432)).cast(F32) / 255.0;
    let logits = nn::dense(nn::dense(x, "fc1", 32).relu(), "fc2", 2);
    let j = nn::cross_entropy(logits, g.input("y", I64, b)).mean(..).named("J");
    let step = j.minimize(Adam::new(1e-2)).unwrap();
    let turned = Augmentation::new().shift(1).flip().on(images.shape()).unwrap();
    let train = Prefetch::new(Augmented::new(images.clone(), turned, 7)).unwrap();
    let trainer = Trainer::new(Session::new(Cpu::default(), 7), &step).unwrap();
    let mut trainer = trainer.epochs(30).batch_size(16).shuffle(7);
    let history = trainer.fit(&train, None).unwrap();
    let loss = history.last().unwrap().train.get("J").unwrap();
    assert!(loss < 0.1, "{loss}");
    // An image that is damaged ends it with the file's name.
    std::fs::write(images.file(3).unwrap(), b"\x89PNG\r\n\x1a\n torn").unwrap();
    let why = trainer.fit(&images, None).unwrap_err().to_string();
    assert!(why.contains("03.jpg: "), "{why}");
}
