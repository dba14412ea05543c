//! The networks that can be measured: their names, and what they are as programs of ours.

pub(crate) mod catalog;
mod programs;

pub(crate) use dl_bench_row::layer::{Activation, Layer, Product, words};
pub(crate) use dl_bench_row::network::{Examples, Loss, Network, Optimizer};

pub(crate) use self::catalog::Known;
pub(crate) use self::programs::{Programs, TEST};

#[cfg(test)]
mod tests {
    use super::catalog::NAMES;
    use super::*;

    use dl_examples::perceptron::{Perceptron, Recipe};

    #[test]
    fn the_perceptron_is_the_tutorials() {
        let (ours, theirs) =
            (Network::perceptron().train().unwrap(), Perceptron::MNIST.train(&Recipe::TUTORIAL).unwrap());
        assert_eq!(ours.nodes(), theirs.nodes());
        assert_eq!(ours.updates(), theirs.updates());
        let Optimizer::Sgd { rate, .. } = Network::perceptron().by_recipe(512).optimizer else { panic!() };
        assert_eq!(rate, Recipe::PRACTICAL.with_batch_size(512).rate);
    }

    #[test]
    fn every_network_is_found_and_compiles() {
        for name in NAMES {
            let network = Network::named(name).unwrap();
            let step = network.train().unwrap();
            assert!(step.inputs().iter().map(|input| &*input.name).eq(["x", "y"]), "{name}");
            network.evaluate().unwrap();
            assert!(!network.first_values().unwrap().is_empty(), "{name}");
            let text = serde_json::to_string(&network).unwrap();
            assert_eq!(serde_json::from_str::<Network>(&text).unwrap(), network);
        }
        let message = format!("no network \"wide\"; expected one of {}", NAMES.join(", "));
        assert_eq!(Network::named("wide").unwrap_err().to_string(), message);
    }

    #[test]
    fn operations_are_those_of_the_products() {
        assert_eq!(Network::perceptron().flops_per_example(), 409_088);
        let products = |name| -> Vec<[usize; 3]> {
            let products = Network::named(name).unwrap().products();
            products.iter().map(|p| [p.rows, p.inputs, p.outputs]).collect()
        };
        assert_eq!(products("deep"), [[1, 784, 300], [1, 300, 100], [1, 100, 10]]);
        assert_eq!(products("lenet")[..2], [[784, 25, 6], [100, 150, 16]]);
    }
}
