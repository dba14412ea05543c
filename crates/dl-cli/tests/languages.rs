//! Results, pages and help in Chinese.
#![allow(clippy::unwrap_used)]

mod said;

use expect_test::expect;
use said::said;

/// What commands say of results is in the language that was asked for, and every word of it has one.
#[test]
fn results_are_told_in_chinese() {
    let formula = "log(1 + exp(x))";
    let chinese = said(&["derive", formula, "--wrt", "x", "--lang", "zh-CN"]).unwrap();
    expect![[r#"
        x: 数

        J = log(1 + exp(x))
        ∂J/∂x = σ(x)

        实际运行的，所用规则为 log-of-exponentials, mul-one：

        J = softplus(x)
        ∂J/∂x = σ(x)
    "#]]
    .assert_eq(&chinese);
    assert_eq!(chinese, said(&["--lang", "zh", "derive", formula, "--wrt", "x"]).unwrap());
    // A sentence for each way in which a check may end.
    let check = |formula: &str| said(&["check", "--lang", "zh", "--", formula]).unwrap();
    for (formula, sentence) in [
        ("(theta - 3)^2", "照原样以 f32 计算，不丢失有效数字（θ 从 -10⁴ 到 10⁴）。"),
        ("log(1 + exp(x))", "凡公式有值之处，它都正确。"),
        ("-p*log(p) - (1-p)*log(1-p)", "有极限而本身没有值之处："),
    ] {
        assert!(check(formula).contains(sentence), "{}", check(formula));
    }
    assert_eq!(
        said(&["--lang", "zh", "--help"]).unwrap().lines().next(),
        Some("用法：dl 命令 公式 [选项]，或 dl run 文件")
    );
    let page = said(&["explain", formula, "--wrt", "x", "--rate", "0.1", "--lang", "zh"]).unwrap();
    assert!(page.contains("<html lang=\"zh-CN\""));
    // Besides names of rules, operations and types, and the style and script, nothing is in English.
    for english in ["Derivation", "Graph", "Kernels", "Measured", "Point at", "What runs", "equation"] {
        assert!(!page.contains(english), "{english}");
    }
    assert_eq!(
        said(&["derive", formula, "--wrt", "x", "--lang", "fr"]).unwrap_err(),
        "--lang fr: expected en or zh"
    );
}
