//! What the instructions are called for lanes of each width.

use iced_x86::Code;

/// An instruction, with an immediate operand where it has one.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) code: Code,
    pub(super) immediate: Option<u8>,
    /// Whether a number in memory stands for all lanes only if the instruction says so.
    pub(super) broadcasts: bool,
}

impl Form {
    const fn vectors(code: Code) -> Self {
        Form { code, immediate: None, broadcasts: true }
    }

    /// On masks.
    pub(super) const fn masks(code: Code) -> Self {
        Form { code, immediate: None, broadcasts: false }
    }

    /// One that reads a number from memory as it is.
    pub(super) const fn plain(code: Code) -> Self {
        Form { code, immediate: None, broadcasts: false }
    }

    pub(super) fn with(self, immediate: u8) -> Self {
        Form { immediate: Some(immediate), ..self }
    }
}

/// Instructions on lanes of one width.
pub(super) struct Names {
    pub(super) load: Code,
    pub(super) store: Code,
    pub(super) broadcast: Code,
    /// Loads bytes as integers.
    pub(super) widen: Code,
    pub(super) copy: Form,
    pub(super) add: Form,
    pub(super) sub: Form,
    pub(super) mul: Form,
    pub(super) div: Form,
    pub(super) least: Form,
    pub(super) most: Form,
    pub(super) root: Form,
    pub(super) round: Form,
    pub(super) fused_132: Form,
    pub(super) fused_213: Form,
    pub(super) fused_231: Form,
    pub(super) and: Form,
    pub(super) or: Form,
    pub(super) xor: Form,
    pub(super) merge: Form,
    pub(super) blend: Form,
    pub(super) compare: Form,
    pub(super) int_add: Form,
    pub(super) int_sub: Form,
    pub(super) int_compare: Form,
    pub(super) up: Form,
    pub(super) down: Form,
    pub(super) halved: Form,
    pub(super) of_int: Form,
}

impl Names {
    pub(super) fn of(wide: bool) -> &'static Names {
        if wide { &DOUBLE } else { &SINGLE }
    }
}

/// `c ? b : a` for each bit, with the operands in the order a, b, c.
const MERGE: Option<u8> = Some(0b1101_1000);

static SINGLE: Names = Names {
    load: Code::EVEX_Vmovups_zmm_k1z_zmmm512,
    store: Code::EVEX_Vmovups_zmmm512_k1z_zmm,
    broadcast: Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32,
    widen: Code::EVEX_Vpmovzxbd_zmm_k1z_xmmm128,
    copy: Form::vectors(Code::EVEX_Vmovaps_zmm_k1z_zmmm512),
    add: Form::vectors(Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er),
    sub: Form::vectors(Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er),
    mul: Form::vectors(Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er),
    div: Form::vectors(Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er),
    least: Form::vectors(Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae),
    most: Form::vectors(Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae),
    root: Form::vectors(Code::EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er),
    round: Form::vectors(Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae),
    fused_132: Form::vectors(Code::EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er),
    fused_213: Form::vectors(Code::EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er),
    fused_231: Form::vectors(Code::EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er),
    and: Form::vectors(Code::EVEX_Vandps_zmm_k1z_zmm_zmmm512b32),
    or: Form::vectors(Code::EVEX_Vorps_zmm_k1z_zmm_zmmm512b32),
    xor: Form::vectors(Code::EVEX_Vxorps_zmm_k1z_zmm_zmmm512b32),
    merge: Form { immediate: MERGE, ..Form::vectors(Code::EVEX_Vpternlogd_zmm_k1z_zmm_zmmm512b32_imm8) },
    blend: Form::vectors(Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32),
    compare: Form::vectors(Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae),
    int_add: Form::vectors(Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32),
    int_sub: Form::vectors(Code::EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32),
    int_compare: Form::vectors(Code::EVEX_Vpcmpd_kr_k1_zmm_zmmm512b32_imm8),
    up: Form::vectors(Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8),
    down: Form::vectors(Code::EVEX_Vpsrld_zmm_k1z_zmmm512b32_imm8),
    halved: Form::vectors(Code::EVEX_Vpsrad_zmm_k1z_zmmm512b32_imm8),
    of_int: Form::vectors(Code::EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er),
};

static DOUBLE: Names = Names {
    load: Code::EVEX_Vmovupd_zmm_k1z_zmmm512,
    store: Code::EVEX_Vmovupd_zmmm512_k1z_zmm,
    broadcast: Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64,
    widen: Code::EVEX_Vpmovzxbq_zmm_k1z_xmmm64,
    copy: Form::vectors(Code::EVEX_Vmovapd_zmm_k1z_zmmm512),
    add: Form::vectors(Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er),
    sub: Form::vectors(Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er),
    mul: Form::vectors(Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er),
    div: Form::vectors(Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er),
    least: Form::vectors(Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae),
    most: Form::vectors(Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae),
    root: Form::vectors(Code::EVEX_Vsqrtpd_zmm_k1z_zmmm512b64_er),
    round: Form::vectors(Code::EVEX_Vrndscalepd_zmm_k1z_zmmm512b64_imm8_sae),
    fused_132: Form::vectors(Code::EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er),
    fused_213: Form::vectors(Code::EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er),
    fused_231: Form::vectors(Code::EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
    and: Form::vectors(Code::EVEX_Vandpd_zmm_k1z_zmm_zmmm512b64),
    or: Form::vectors(Code::EVEX_Vorpd_zmm_k1z_zmm_zmmm512b64),
    xor: Form::vectors(Code::EVEX_Vxorpd_zmm_k1z_zmm_zmmm512b64),
    merge: Form { immediate: MERGE, ..Form::vectors(Code::EVEX_Vpternlogq_zmm_k1z_zmm_zmmm512b64_imm8) },
    blend: Form::vectors(Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64),
    compare: Form::vectors(Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae),
    int_add: Form::vectors(Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64),
    int_sub: Form::vectors(Code::EVEX_Vpsubq_zmm_k1z_zmm_zmmm512b64),
    int_compare: Form::vectors(Code::EVEX_Vpcmpq_kr_k1_zmm_zmmm512b64_imm8),
    up: Form::vectors(Code::EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8),
    down: Form::vectors(Code::EVEX_Vpsrlq_zmm_k1z_zmmm512b64_imm8),
    halved: Form::vectors(Code::EVEX_Vpsraq_zmm_k1z_zmmm512b64_imm8),
    of_int: Form::vectors(Code::EVEX_Vcvtqq2pd_zmm_k1z_zmmm512b64_er),
};
