//! The languages of what people read.

/// A language. A text stands in all of them side by side, so that none is forgotten.
///
/// ```
/// use dl_report::Language;
/// let language = Language::of_tag("zh_CN.UTF-8").unwrap();
/// assert_eq!((language.tag(), language.pick("loss", "损失")), ("zh-CN", "损失"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// By a tag as of HTML or of an environment variable: `en`, `zh`, `zh-CN`, `en_US.UTF-8`.
    pub fn of_tag(tag: &str) -> Option<Language> {
        let tag = tag.to_ascii_lowercase();
        match tag.split(['-', '_', '.', '@']).next() {
            Some("en") => Some(Language::English),
            Some("zh") => Some(Language::Chinese),
            _ => None,
        }
    }

    /// Its tag in HTML.
    pub fn tag(self) -> &'static str {
        self.pick("en", "zh-CN")
    }

    /// The text in this language.
    pub fn pick<'t>(self, english: &'t str, chinese: &'t str) -> &'t str {
        match self {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}
