"""Top groups that published classifications state in words, because no prefix of a code tells them."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """A group of codes, from the first to the last one at the first level.

    Example:
        >>> ISIC4_SECTIONS[2]
        Section(code='C', first='10', last='33', title='Manufacturing')
    """

    code: str
    first: str
    last: str
    title: str


ISIC4_SECTIONS = (
    Section("A", "01", "03", "Agriculture, forestry and fishing"),
    Section("B", "05", "09", "Mining and quarrying"),
    Section("C", "10", "33", "Manufacturing"),
    Section("D", "35", "35", "Electricity, gas, steam and air conditioning supply"),
    Section("E", "36", "39", "Water supply; sewerage, waste management and remediation activities"),
    Section("F", "41", "43", "Construction"),
    Section("G", "45", "47", "Wholesale and retail trade; repair of motor vehicles and motorcycles"),
    Section("H", "49", "53", "Transportation and storage"),
    Section("I", "55", "56", "Accommodation and food service activities"),
    Section("J", "58", "63", "Information and communication"),
    Section("K", "64", "66", "Financial and insurance activities"),
    Section("L", "68", "68", "Real estate activities"),
    Section("M", "69", "75", "Professional, scientific and technical activities"),
    Section("N", "77", "82", "Administrative and support service activities"),
    Section("O", "84", "84", "Public administration and defence; compulsory social security"),
    Section("P", "85", "85", "Education"),
    Section("Q", "86", "88", "Human health and social work activities"),
    Section("R", "90", "93", "Arts, entertainment and recreation"),
    Section("S", "94", "96", "Other service activities"),
    Section("T", "97", "98", "Activities of households as employers and for own use"),
    Section("U", "99", "99", "Activities of extraterritorial organizations and bodies"),
)
"""ISIC Rev. 4 (United Nations, Statistical Papers M 4/Rev. 4, 2008), 21 sections over 88 divisions."""

ISIC5_SECTIONS = (
    *ISIC4_SECTIONS[:6],
    Section("G", "46", "47", "Wholesale and retail trade"),
    *ISIC4_SECTIONS[7:9],
    Section("J", "58", "60", "Publishing, broadcasting, and content production and distribution activities"),
    Section("K", "61", "63", "Telecommunications, computer programming, computing and information services"),
    *(Section(chr(ord(code) + 1), *rest) for code, *rest in ISIC4_SECTIONS[10:]),
)
"""ISIC Rev. 5 (2023), 22 sections over 87 divisions: J is split in two, so that K to U are L to V now."""

SIC_DIVISIONS = (
    Section("A", "01", "09", "Agriculture, forestry, and fishing"),
    Section("B", "10", "14", "Mining"),
    Section("C", "15", "17", "Construction"),
    Section("D", "20", "39", "Manufacturing"),
    Section("E", "40", "49", "Transportation, communications, electric, gas, and sanitary services"),
    Section("F", "50", "51", "Wholesale trade"),
    Section("G", "52", "59", "Retail trade"),
    Section("H", "60", "67", "Finance, insurance, and real estate"),
    Section("I", "70", "89", "Services"),
    Section("J", "91", "97", "Public administration"),
    Section("K", "99", "99", "Nonclassifiable establishments"),
)
"""Standard Industrial Classification Manual, United States, 1987."""

HS_SECTIONS = (
    Section("I", "01", "05", "Live animals; animal products"),
    Section("II", "06", "14", "Vegetable products"),
    Section("III", "15", "15", "Animal, vegetable or microbial fats and oils"),
    Section("IV", "16", "24", "Prepared foodstuffs; beverages, spirits and vinegar; tobacco"),
    Section("V", "25", "27", "Mineral products"),
    Section("VI", "28", "38", "Products of the chemical or allied industries"),
    Section("VII", "39", "40", "Plastics and rubber"),
    Section("VIII", "41", "43", "Hides, skins, leather and furskins"),
    Section("IX", "44", "46", "Wood, cork and basketware"),
    Section("X", "47", "49", "Pulp, paper and printed matter"),
    Section("XI", "50", "63", "Textiles and textile articles"),
    Section("XII", "64", "67", "Footwear, headgear and umbrellas"),
    Section("XIII", "68", "70", "Articles of stone, plaster and cement; ceramics; glass"),
    Section("XIV", "71", "71", "Pearls, precious stones and metals; jewellery; coin"),
    Section("XV", "72", "83", "Base metals and articles of base metal"),
    Section("XVI", "84", "85", "Machinery and electrical equipment"),
    Section("XVII", "86", "89", "Vehicles, aircraft, vessels"),
    Section("XVIII", "90", "92", "Optical, measuring and medical instruments; clocks; musical instruments"),
    Section("XIX", "93", "93", "Arms and ammunition"),
    Section("XX", "94", "96", "Miscellaneous manufactured articles"),
    Section("XXI", "97", "97", "Works of art, collectors' pieces and antiques"),
)
"""Harmonized System (World Customs Organization); chapters 98 and 99 are left to countries, titles short."""

ICD10_CHAPTERS = tuple(
    Section(f"{first}-{last}", first, last, title)
    for first, last, title in (
        ("A00", "B99", "Certain infectious and parasitic diseases"),
        ("C00", "D49", "Neoplasms"),
        ("D50", "D89", "Diseases of the blood and blood-forming organs, and of the immune mechanism"),
        ("E00", "E90", "Endocrine, nutritional and metabolic diseases"),
        ("F00", "F99", "Mental and behavioural disorders"),
        ("G00", "G99", "Diseases of the nervous system"),
        ("H00", "H59", "Diseases of the eye and adnexa"),
        ("H60", "H95", "Diseases of the ear and mastoid process"),
        ("I00", "I99", "Diseases of the circulatory system"),
        ("J00", "J99", "Diseases of the respiratory system"),
        ("K00", "K95", "Diseases of the digestive system"),
        ("L00", "L99", "Diseases of the skin and subcutaneous tissue"),
        ("M00", "M99", "Diseases of the musculoskeletal system and connective tissue"),
        ("N00", "N99", "Diseases of the genitourinary system"),
        ("O00", "O9A", "Pregnancy, childbirth and the puerperium"),
        ("P00", "P96", "Certain conditions originating in the perinatal period"),
        ("Q00", "QA0", "Congenital malformations, deformations and chromosomal abnormalities"),
        ("R00", "R99", "Symptoms, signs and abnormal clinical and laboratory findings"),
        ("S00", "T98", "Injury, poisoning and certain other consequences of external causes"),
        ("U00", "U99", "Codes for special purposes"),
        ("V00", "Y99", "External causes of morbidity"),
        ("Z00", "Z99", "Factors influencing health status and contact with health services"),
    )
)
"""Chapters of ICD-10 (WHO) and ICD-10-CM, each as wide as in the wider of the two."""

MESH_CATEGORIES = {
    "A": "Anatomy",
    "B": "Organisms",
    "C": "Diseases",
    "D": "Chemicals and Drugs",
    "E": "Analytical, Diagnostic and Therapeutic Techniques, and Equipment",
    "F": "Psychiatry and Psychology",
    "G": "Phenomena and Processes",
    "H": "Disciplines and Occupations",
    "I": "Anthropology, Education, Sociology, and Social Phenomena",
    "J": "Technology, Industry, and Agriculture",
    "K": "Humanities",
    "L": "Information Science",
    "M": "Named Groups",
    "N": "Health Care",
    "V": "Publication Characteristics",
    "Z": "Geographicals",
}
"""The letters with which MeSH tree numbers start (National Library of Medicine)."""

LCC_CLASSES = {
    "A": "General works",
    "B": "Philosophy, psychology, religion",
    "C": "Auxiliary sciences of history",
    "D": "World history",
    "E": "History of the Americas",
    "F": "History of the Americas (local)",
    "G": "Geography, anthropology, recreation",
    "H": "Social sciences",
    "J": "Political science",
    "K": "Law",
    "L": "Education",
    "M": "Music",
    "N": "Fine arts",
    "P": "Language and literature",
    "Q": "Science",
    "R": "Medicine",
    "S": "Agriculture",
    "T": "Technology",
    "U": "Military science",
    "V": "Naval science",
    "Z": "Bibliography, library science",
}
"""The 21 classes of the Library of Congress Classification."""
