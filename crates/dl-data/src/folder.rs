//! Folders of images: one subfolder for each class, PNG and JPEG.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use crate::dataset::{Images, Split};
use crate::error::{Error, Kind, Result};

/// Images in files, one folder for each class, read when they are asked for.
///
/// ```no_run
/// let cats_and_dogs = dl_data::ImageFolder::open("pets/train")?.resized([64, 64])?;
/// assert_eq!(cats_and_dogs.shape(), [64, 64, 3]);
/// assert_eq!(cats_and_dogs.classes(), ["cat", "dog"]);
/// let pixels: Vec<u8> = cats_and_dogs.read(0)?;
/// # Ok::<(), dl_data::Error>(())
/// ```
///
/// Classes are the subfolders in the order of their names, files in theirs within; names that begin with a dot and
/// files that do not end in `.png`, `.jpg` or `.jpeg` are passed over. Pixels are 8 bits a channel; transparency is
/// dropped, and the orientation that a camera noted is not followed.
///
/// An image of more than 16,384 pixels a side is refused, and one whose pixels would take more than 4,096 times the
/// bytes of its file and 16 MiB: no honest file has that.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Vec<String>,
    files: Vec<(PathBuf, usize)>,
    sides: [usize; 2],
    grey: bool,
    resized: bool,
}

const MOST_SIDE: u32 = 1 << 14;

impl ImageFolder {
    /// The images of a folder, in colour (red, green, blue). All are as large as the first, unless they are
    /// [resized](ImageFolder::resized).
    ///
    /// # Errors
    /// When a folder cannot be read, has no classes or one without images, or the first file is no image.
    pub fn open(path: impl AsRef<Path>) -> Result<ImageFolder> {
        let path = path.as_ref();
        let (mut classes, mut files) = (vec![], vec![]);
        for folder in listed(path)?.into_iter().filter(|entry| entry.is_dir()) {
            let before = files.len();
            let images = listed(&folder)?.into_iter().filter(|file| is_image(file));
            files.extend(images.map(|file| (file, classes.len())));
            if files.len() == before {
                return Err(refused(&folder, "no images of the class: expected .png, .jpg or .jpeg files"));
            }
            classes.push(name(&folder));
        }
        let Some((first, _)) = files.first() else {
            return Err(refused(path, "no classes: expected a folder for each, with its images"));
        };
        let sides = sides(first)?;
        Ok(ImageFolder { classes, files, sides, grey: false, resized: false })
    }

    /// The same in grey, by the luminance of its colours.
    #[must_use]
    pub fn grey(self) -> Self {
        ImageFolder { grey: true, ..self }
    }

    /// Every image is made `[rows, columns]`, smoothly and without keeping its proportions.
    ///
    /// # Errors
    /// When a side is 0 or above 16,384.
    pub fn resized(self, sides: [usize; 2]) -> Result<Self> {
        if sides.iter().any(|side| !(1..=MOST_SIDE as usize).contains(side)) {
            return Err(
                Kind::Setting(format!("images of {sides:?}: expected sides from 1 to {MOST_SIDE}")).into()
            );
        }
        Ok(ImageFolder { sides, resized: true, ..self })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// `[rows, columns, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.sides[0], self.sides[1], if self.grey { 1 } else { 3 }]
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of each image.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = usize> {
        self.files.iter().map(|(_, class)| *class)
    }

    /// The class of an image; `None` past the end.
    pub fn label(&self, i: usize) -> Option<usize> {
        self.files.get(i).map(|(_, class)| *class)
    }

    /// The file of an image; `None` past the end.
    pub fn file(&self, i: usize) -> Option<&Path> {
        self.files.get(i).map(|(file, _)| file.as_path())
    }

    /// Reads an image: `[rows, columns, channels]`.
    ///
    /// # Errors
    /// When there is no such image, or its file cannot be read, is no PNG or JPEG, is damaged, too large, or of
    /// another size than the first.
    pub fn read(&self, i: usize) -> Result<Vec<u8>> {
        let len = self.len();
        let file = self.file(i).ok_or_else(|| Error::from(Kind::Index { index: i, len }))?;
        let [rows, columns] = sides(file)?;
        if !self.resized && [rows, columns] != self.sides {
            let [want_rows, want_columns] = self.sides;
            return Err(refused(
                file,
                &format!(
                    "{rows}x{columns} pixels, the first image has {want_rows}x{want_columns} (see ImageFolder::resized)"
                ),
            ));
        }
        let image = reader(file)?.decode().map_err(|e| damaged(file, e))?;
        let image = if self.resized && [rows, columns] != self.sides {
            let [rows, columns] = self.sides.map(|side| side as u32);
            image.resize_exact(columns, rows, FilterType::Triangle)
        } else {
            image
        };
        Ok(self.pixels(image))
    }

    fn pixels(&self, image: DynamicImage) -> Vec<u8> {
        if self.grey { image.into_luma8().into_raw() } else { image.into_rgb8().into_raw() }
    }

    /// All images in memory, for those that fit there: grey ones of at most 256 classes.
    ///
    /// # Errors
    /// As for [`read`](ImageFolder::read); also when they are in colour or have more classes.
    pub fn load(&self) -> Result<Split> {
        if !self.grey || self.classes.len() > 256 {
            return Err(Kind::Setting("a split is of grey images of at most 256 classes".into()).into());
        }
        let mut pixels = vec![];
        for i in 0..self.len() {
            pixels.extend(self.read(i)?);
        }
        let labels = self.labels().map(|class| class as u8).collect();
        Split::new(Images::new(pixels, [self.len(), self.sides[0], self.sides[1]])?, labels)
    }
}

/// What a folder has, by name, without what is hidden.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().map_err(|e| Kind::io(folder, "read", e))?;
    let mut all = vec![];
    for entry in entries {
        let path = entry.map_err(|e| Kind::io(folder, "read", e))?.path();
        if !name(&path).starts_with('.') {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_image(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
    matches!(end.as_deref(), Some("png" | "jpg" | "jpeg")) && path.is_file()
}

/// A reader of a file, whatever its name says of its format, with limits.
fn reader(file: &Path) -> Result<ImageReader<BufReader<File>>> {
    let open = File::open(file).map_err(|e| Kind::io(file, "open", e))?;
    let bytes = open.metadata().map_err(|e| Kind::io(file, "read", e))?.len();
    let reader = ImageReader::new(BufReader::new(open)).with_guessed_format();
    let mut reader = reader.map_err(|e| Kind::io(file, "read", e))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(refused(file, "neither PNG nor JPEG by its first bytes"));
    }
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(most_memory(bytes));
    reader.limits(limits);
    Ok(reader)
}

/// What the pixels of an image may take whose file has so many bytes.
fn most_memory(bytes: u64) -> u64 {
    bytes.saturating_mul(4096).max(16 << 20)
}

/// `[rows, columns]`, from the header.
fn sides(file: &Path) -> Result<[usize; 2]> {
    let (columns, rows) = reader(file)?.into_dimensions().map_err(|e| damaged(file, e))?;
    if columns > MOST_SIDE || rows > MOST_SIDE {
        return Err(refused(file, &format!("{rows}x{columns} pixels, at most {MOST_SIDE} a side are read")));
    }
    Ok([rows as usize, columns as usize])
}

fn refused(path: &Path, what: &str) -> Error {
    Kind::Setting(format!("{}: {what}", path.display())).into()
}

fn damaged(file: &Path, error: image::ImageError) -> Error {
    refused(file, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    /// `a/1.png` and `b/0.jpg`, 4×6 pixels, and what is passed over.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for class in ["b", "a", ".cache"] {
            std::fs::create_dir(folder.path().join(class)).unwrap();
        }
        let grey = GrayImage::from_fn(6, 4, |x, y| Luma([(40 * y + x) as u8]));
        grey.save(folder.path().join("a/1.png")).unwrap();
        let red = RgbImage::from_pixel(6, 4, Rgb([250, 10, 30]));
        red.save(folder.path().join("b/0.jpg")).unwrap();
        std::fs::write(folder.path().join("a/notes.txt"), "x").unwrap();
        std::fs::write(folder.path().join("readme"), "x").unwrap();
        folder
    }

    fn fails(result: Result<impl std::fmt::Debug>, folder: &Path, want: &str) {
        let why = result.unwrap_err().to_string().replace(&folder.display().to_string(), "f");
        assert!(why.starts_with(want), "{why}");
    }

    #[test]
    fn folders_are_classes_and_files_their_images() {
        let folder = folder();
        let images = ImageFolder::open(folder.path()).unwrap();
        assert_eq!((images.classes(), images.len()), (&["a", "b"].map(String::from)[..], 2));
        assert_eq!((images.shape(), images.labels().collect::<Vec<_>>()), ([4, 6, 3], vec![0, 1]));
        assert_eq!(images.read(0).unwrap()[..9], [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        let red = images.read(1).unwrap();
        assert!(red.chunks(3).all(|p| p[0] > 240 && p[1] < 20 && p[2] < 40), "{red:?}");
        let grey = images.grey();
        assert_eq!((grey.shape(), grey.read(0).unwrap()[6]), ([4, 6, 1], 40));
        let split = grey.load().unwrap();
        assert_eq!((split.images().shape(), split.labels()), ([2, 4, 6], &[0, 1][..]));
        let small = grey.resized([2, 3]).unwrap();
        assert_eq!((small.shape(), small.read(1).unwrap().len()), ([2, 3, 1], 6));
        fails(small.read(2), folder.path(), "index 2 is outside a split of 2 images");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = folder();
        let path = folder.path();
        GrayImage::new(5, 5).save(path.join("b/1.png")).unwrap();
        let images = ImageFolder::open(path).unwrap();
        let want = "f/b/1.png: 5x5 pixels, the first image has 4x6 (see ImageFolder::resized)";
        fails(images.read(2), path, want);
        std::fs::write(path.join("b/1.png"), "no image").unwrap();
        fails(images.read(2), path, "f/b/1.png: neither PNG nor JPEG by its first bytes");
        let png = std::fs::read(path.join("a/1.png")).unwrap();
        std::fs::write(path.join("b/1.png"), &png[..png.len() / 2]).unwrap();
        fails(images.read(2), path, "f/b/1.png: ");
        std::fs::remove_file(path.join("b/1.png")).unwrap();
        fails(images.read(2), path, "f/b/1.png: cannot open");
        fails(ImageFolder::open(path.join("a")), path, "f/a: no classes: expected a folder for each");
        std::fs::create_dir(path.join("c")).unwrap();
        fails(ImageFolder::open(path), path, "f/c: no images of the class");
        fails(images.clone().resized([0, 3]), path, "images of [0, 3]: expected sides from 1 to 16384");
        fails(images.load(), path, "a split is of grey images");
    }

    /// A file of a few bytes that promises 16,000 by 16,000 pixels.
    #[test]
    fn a_promise_of_more_than_a_file_can_hold_is_refused() {
        let folder = folder();
        let file = folder.path().join("a/1.png");
        let mut png = std::fs::read(&file).unwrap();
        // Width and height, and the checksum of the header anew.
        png[16..24].copy_from_slice(&[0, 0, 62, 128, 0, 0, 62, 128]);
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        std::fs::write(&file, png).unwrap();
        let images = ImageFolder::open(folder.path()).unwrap();
        assert_eq!(images.shape(), [16_000, 16_000, 3]);
        fails(images.read(0), folder.path(), "f/a/1.png: ");
    }
}
