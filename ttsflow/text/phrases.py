"""Words that belong to what follows them: no narrator pauses between such a word and the next one.

They are the articles, the possessives that stand in their place, the prepositions and the conjunctions:
closed lists, of which only the common ones are here. A word that is as often something else is left out,
such as English "that" and "so".
"""

# ruff: noqa: RUF001  # Cyrillic letters look like Latin ones

from __future__ import annotations

from ttsflow.text.marks import OPENING, STRAIGHT

_WORDS = {
    "en": """
        a an the my your our their its his
        about above across after against along among around as at before behind below beneath beside between
        beyond by during for from in into inside near of on onto out over per since than through throughout
        till to toward towards under until up upon via with within without
        and or nor but if because although though unless whereas while whether when where
    """,
    "de": """
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner
        mein meine meinen meinem meiner dein deine sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer
        unser unsere unseren unserem unserer
        am an ans auf aus bei beim bis durch für gegen gegenüber hinter im in ins mit nach neben ohne seit
        statt trotz über um unter vom von vor während wegen zu zum zur zwischen
        und oder aber sondern denn dass daß weil wenn als ob obwohl bevor nachdem damit wie sowie
    """,
    "fr": """
        le la les un une des du de au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs
        à après avant avec chez contre dans depuis derrière dès devant durant en entre envers jusque malgré
        par parmi pendant pour sans selon sous sur vers
        et ou ni mais car donc or parce que si comme quand lorsque puisque quoique
    """,
    "es": """
        el la los las un una unos unas al del mi mis tu tus su sus nuestro nuestra nuestros nuestras
        a ante bajo con contra de desde durante en entre hacia hasta mediante para por según sin sobre tras
        y e o u ni pero sino que si porque aunque como cuando mientras pues
    """,
    "it": """
        il lo la i gli le un uno una del dello della dei degli delle al allo alla ai agli alle dal dallo dalla
        dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle
        mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra nostri nostre
        a ad con contro da di dietro dopo durante fino fra in per presso senza sopra sotto su tra verso
        e ed o od né ma che se perché anche come quando mentre benché
    """,
    "pt": """
        o a os as um uma uns umas ao à aos às do da dos das no na nos nas num numa pelo pela pelos pelas
        meu minha meus minhas seu sua seus suas nosso nossa nossos nossas
        ante após até com contra de desde durante em entre para per perante por sem sob sobre
        e ou nem mas que se porque embora como quando enquanto pois
    """,
    "nl": """
        de het een mijn jouw zijn haar ons onze hun
        aan achter bij binnen boven buiten door in langs met na naar naast om onder op over per sinds te tegen
        ten ter tijdens tot tussen uit van vanaf via volgens voor wegens zonder
        en of maar want dat als omdat hoewel terwijl toen voordat nadat zodat dan
    """,
    "pl": """
        mój moja moje twój twoja swój swoja swoje
        bez beze dla do ku między na nad nade o od ode po pod pode podczas poza przed przede przez przy u w
        we wśród z za ze
        i a oraz lub albo ani ale lecz że żeby aby bo ponieważ gdy jeśli choć niż jak
    """,
    "ru": """
        мой моя моё мои твой твоя свой своя своё свои наш наша наше наши
        без безо в во для до за из изо из-за из-под к ко между на над надо о об обо около от ото перед по под
        подо после при про ради с со сквозь среди у через
        и а но или либо ни что чтобы если когда хотя потому как чем
    """,
}

_LEANING = {code: frozenset(words.split()) for code, words in _WORDS.items()}
_OPENING = OPENING + STRAIGHT


def leans_on_next(word: str, language: str) -> bool:
    """Whether a word of the language belongs to the one behind it; never in a language that has no list.

    `word` may have a mark that opens something before it. `language` is a tag, such as "pt-br".
    """
    code = language.lower().partition("-")[0]
    return word.lstrip(_OPENING).lower() in _LEANING.get(code, ())
