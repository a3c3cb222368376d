"""How many parameters the authors' models have: what their code counts.

Source: https://github.com/SHI-Labs/Compact-Transformers, by (variant, image
size, classes). The positions are learned, and count.
"""

AUTHORS_PARAMETERS = {
    ("cct_2_3x2", 32, 10): 283_723,
    ("cct_4_3x2", 32, 10): 482_123,
    ("cct_6_3x1", 32, 10): 3_233_803,
    ("cct_6_3x2", 32, 10): 3_326_923,
    ("cct_7_3x1", 32, 10): 3_760_139,
    ("cct_7_3x2", 32, 10): 3_853_259,
    ("cct_7_7x2", 224, 102): 4_573_735,
    ("cct_14_7x2", 224, 1000): 22_367_273,
    ("vit_lite_2_4", 32, 10): 214_666,
    ("vit_lite_4_8", 32, 10): 425_354,
    ("vit_lite_6_4", 32, 10): 3_190_538,
    ("vit_lite_7_4", 32, 10): 3_716_874,
    ("cvt_2_4", 32, 10): 214_539,
    ("cvt_6_4", 32, 10): 3_190_283,
    ("cvt_7_4", 32, 10): 3_716_619,
}
