//! `dl-data` is useful alone, and comes alone.

use uses_dl_data::Perceptron;

#[test]
fn a_perceptron_learns_the_digits() {
    let digits = dl_data::digits().unwrap();
    let perceptron = Perceptron::train(&digits, 20).unwrap();
    let accuracy = perceptron.accuracy(&digits.test);
    assert!(accuracy > 0.85, "{accuracy} on {digits}");
}

#[test]
fn no_other_crate_of_the_workspace_comes_along() {
    let lock = include_str!("../Cargo.lock");
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = "));
    let ours: Vec<&str> = names.filter(|name| name.starts_with("\"dl-")).collect();
    assert_eq!(ours, ["\"dl-data\""]);
    assert!(!lock.contains("\"burn"));
}
