//! Colours: one for each meaning, with a value for light and one for dark grounds.
//!
//! The series are those of Okabe and Ito, which people of every colour vision tell apart, made darker for white paper
//! and lighter for a dark screen until each stands out from its ground by 3:1 and text by 4.5:1.

use plotters::style::RGBColor;

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// The paper.
    Ground,
    /// Text that is read first.
    Ink,
    /// Text that is read when needed.
    Soft,
    /// Grid lines.
    Line,
    /// A series by its place; after the last, from the first again.
    Series(usize),
}

/// The series' colours on light and on dark grounds: blue, vermilion, green, purple, ochre, sky.
const SERIES: [(u32, u32); 6] = [
    (0x00_6A_B2, 0x5C_B3_F2),
    (0xC4_4F_00, 0xFF_92_55),
    (0x00_80_5E, 0x2F_CF_A0),
    (0xA8_4A_85, 0xE7_9B_C6),
    (0x8A_68_00, 0xE6_B4_2A),
    (0x4A_78_94, 0xA9_CF_E4),
];

/// How many series have a colour of their own.
pub(crate) const COLOURS: usize = SERIES.len();

impl Colour {
    /// Its value on a light ground, by which a style sheet finds it, and on a dark one.
    pub(crate) fn values(self) -> (u32, u32) {
        match self {
            Colour::Ground => (0xFF_FF_FF, 0x14_17_1B),
            Colour::Ink => (0x1B_1F_24, 0xE8_EA_ED),
            Colour::Soft => (0x5A_64_72, 0xA8_B0_BB),
            Colour::Line => (0xD5_DA_E0, 0x34_3B_44),
            Colour::Series(place) => SERIES[place % COLOURS],
        }
    }

    pub(crate) fn rgb(self) -> RGBColor {
        let [_, red, green, blue] = self.values().0.to_be_bytes();
        RGBColor(red, green, blue)
    }

    fn all() -> impl Iterator<Item = (Colour, String)> {
        let named = [
            (Colour::Ground, "ground"),
            (Colour::Ink, "ink"),
            (Colour::Soft, "soft"),
            (Colour::Line, "line"),
        ];
        let named = named.into_iter().map(|(colour, name)| (colour, format!("--{name}")));
        named.chain((0..COLOURS).map(|place| (Colour::Series(place), format!("--series-{place}"))))
    }
}

/// The colours as variables of a style sheet, `--ground` and so on; dark ones where `dark`.
pub(crate) fn variables(dark: bool) -> String {
    let of = |(colour, name): (Colour, String)| {
        let (light, night) = colour.values();
        format!(" {name}: #{:06X};", if dark { night } else { light })
    };
    Colour::all().map(of).collect()
}

/// What gives drawings the colours of those variables, in place of the light ones that they were drawn with.
pub(crate) fn rules() -> String {
    let of = |(colour, name): (Colour, String)| {
        let light = colour.values().0;
        format!(
            "svg.chart [fill=\"#{light:06X}\"] {{ fill: var({name}); }}\n\
             svg.chart [stroke=\"#{light:06X}\"] {{ stroke: var({name}); }}\n"
        )
    };
    Colour::all().map(of).collect()
}

/// How opaque the fullest cell of a heat map is: text on it is still read.
pub(crate) const FULLEST: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours as the Web Content Accessibility Guidelines measure it: from 1 to 21.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let channel = |c: f64| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let bright = |c: [f64; 3]| 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
        let (a, b) = (bright(a), bright(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn parts(value: u32) -> [f64; 3] {
        let [_, red, green, blue] = value.to_be_bytes();
        [red, green, blue].map(|part| f64::from(part) / 255.0)
    }

    fn on_both(colour: Colour) -> [[f64; 3]; 2] {
        let (light, dark) = colour.values();
        [parts(light), parts(dark)]
    }

    #[test]
    fn text_and_series_stand_out_on_both_grounds() {
        let ground = on_both(Colour::Ground);
        for (colour, least) in [(Colour::Ink, 7.0), (Colour::Soft, 4.5)]
            .into_iter()
            .chain((0..COLOURS).map(|place| (Colour::Series(place), 4.5)))
        {
            for (own, ground) in on_both(colour).into_iter().zip(ground) {
                let contrast = contrast(own, ground);
                assert!(contrast >= least, "{colour:?}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn text_is_read_on_the_fullest_cell() {
        // Those of numbers above and below 0.
        for place in [0, 1] {
            let grounds = on_both(Colour::Ground).into_iter().zip(on_both(Colour::Series(place)));
            for ((ground, own), ink) in grounds.zip(on_both(Colour::Ink)) {
                let cell = [0, 1, 2].map(|k| own[k] * FULLEST + ground[k] * (1.0 - FULLEST));
                let contrast = contrast(ink, cell);
                assert!(contrast >= 4.5, "series {place}: {contrast:.2}");
            }
        }
    }
}
