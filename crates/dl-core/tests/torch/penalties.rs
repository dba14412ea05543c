//! Regularizers as PyTorch computes them, second-order differentiation included.

use dl_core::nn;

use super::table::{agree, formula};

#[test]
fn penalties_agree_with_pytorch() {
    agree(
        include_str!("penalties.json"),
        &[
            ("l1", formula(|x| nn::l1(x["w"]))),
            ("l1 at zero", formula(|x| nn::l1(x["w"]))),
            ("l2", formula(|x| nn::l2(x["w"]))),
            ("elastic_net 0.25", formula(|x| nn::elastic_net(x["w"], 0.25))),
            ("group_lasso of rows", formula(|x| nn::group_lasso(x["w"], 1))),
            ("group_lasso of columns", formula(|x| nn::group_lasso(x["w"], 0))),
            ("group_lasso at zero", formula(|x| nn::group_lasso(x["w"], 1))),
            ("orthogonality", formula(|x| nn::orthogonality(x["w"]))),
            ("max_norm", formula(|x| nn::max_norm(x["w"], 1.5, 0))),
            ("total_variation of images", formula(|x| nn::total_variation(x["x"], [1, 2]))),
            ("isotropic_total_variation", formula(|x| nn::isotropic_total_variation(x["x"], [1, 2]))),
            ("sparsity_kl 0.2", formula(|x| nn::sparsity_kl(x["h"], 0.2))),
            ("confidence_penalty", formula(|x| nn::confidence_penalty(x["x"]))),
            (
                "input_gradient_penalty",
                formula(|x| nn::input_gradient_penalty(x["x"].dot(x["w"]).tanh().square(), x["x"])),
            ),
            ("gradient_penalty", formula(|x| nn::gradient_penalty(x["x"].dot(x["w"]).tanh(), x["x"]))),
            ("jacobian_penalty", formula(|x| nn::jacobian_penalty(x["x"].dot(x["w"]).tanh(), x["x"]))),
        ],
    );
}
