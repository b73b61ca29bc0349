"""Abbreviations with a full stop behind which a sentence goes on.

`sentencex` and LanguageTool's rules know many of these, but hold none of them in every context. The
latter have nothing for Turkish, Hungarian, Czech, Norwegian, Finnish and some others.
"""

# ruff: noqa: RUF001  # Cyrillic letters and quotation marks look like Latin ones

from __future__ import annotations

import re

# A lower-case entry also stands for the same word with a capital. Many of these end a sentence now and
# then; `sentences` lets them where the next word shows it.
_WORDS = {
    "en": """
        a.m p.m
        a.k.a abbr adj Adm adv al Amb approx Apr Arch assn assoc asst attn Atty Aug Ave bk Blvd Br Bros Capt
        Cdr cf ch chap chaps chs cit Cmdr Co Co.Ltd Col Comdr Corp Cpl Ct Dec Dep dept depts Det Dist Dr Drs
        e.g eds encl eqs Esq est excl Expy Feb Fr Fri Ft Gen Gov govt Hon hr hrs Hwy i.e ibid Inc incl Insp
        Inst Intl Jan Jct Jr Jul Jun lb lbs Ln loc Lt Ltd Maj Mar Messrs mgr misc Mlle Mme Mon mph Mr Mrs Ms
        Msgr Mt Mts Mx Natl nos Nov Oct orig paras Ph.D Pkwy Pl pp Pres Prof Profs Pt Pvt Rd Rep repr resp
        Rev Revd Rte secs sect Sen Sep Sept sgd Sgt Sq Sr St Ste Sts Supt tbsp tel Terr Thu Thur
        Thurs Treas tsp Tue Tues Univ viz vol vols vs Wed Weds yd yds
    """,
    "de": """
        abb abs abschn abt allg anm Apr aufl Aug ausg ausschl bd bde bearb begr beil betr bez bezgl bsp bspw
        bzgl bzw ca d.h ders desgl Dez dgl Dipl Doz Dr Dres ebd ehem eig eigtl einschl entspr erg erw etc
        evtl exkl Feb ff forts Fr Frl frz geb gef gegr gesch gez ggf ggfs griech habil hist Hl Hr Hrn hrsg
        i.d.R Ing inkl insb insbes inst Jan jh jhd jhdt jr jur kap kath kfm kgl lfd lt mio mrd mtl nachm Nov
        nr nrn o.g o.ä od Okt Pl Priv prof rel rer resp röm s.o s.u Sankt sek Sep Sept sog St staatl std
        stellv Str stv teilw tel tägl u.a u.U u.ä usf usw v.a verf vergl verh verm verw vgl vorm wg wiss z.B
        z.T z.Z zit zool zus zw zzgl zzt österr
    """,
    "fr": """
        adj adm alin ann approx appt apr arch arr arrt av bd bibl Bld Blvd boul capt Cdt cf ch chap Cie circ
        cit cl Cne Col coll doc Dr Drs déc dép dépt env etc ex excl fasc fbg fg fr fém févr gal graph gén hab
        hist ibid incl inst intr introd inv janv juill lieut loc lt Ltn masc Me Mes Mgr MM Mr ms nov obs oct
        ouvr pag parag pl pp Pr prof prés péj rem resp rev rte réf rép sc sect ser sgt spéc sq St Ste Stes
        Sts subst suiv suppl trad tél univ v.o vols Vve vx éd édit ép
    """,
    "es": """
        a.C Abg abr admor admón ago apdo aprox Arq arts Av Avd Avda ayte Bco cap caps cdad cf cfr Cmdte Cnel
        coord Ctra Cía cód d.C Da dcha dcho Depto dic dir doc dom Dpto Dr Dra Dras Dres Dto Dña ed edit eds
        EE.UU ej ene etc excl Excma Excmo fasc feb fig figs fol Fr gob gr Gral hab Hna Hno Hnos ibíd Ilma
        Ilmo incl Ing izda izq izqdo jue jul jun Lic Licda loc Ltda lun lám mié Mons ms mss mun mzo máx mín
        nov nro ntra núm núms obs oct op p.ej Pl Plza pp Prof Profa prov pról ptas pte pza pág págs párr ref
        rep resp Rvdo s.f sec secc sept Sgto sig sigs Sr Sra Sras Sres Srta ss Sta Sto supl sáb tel teléf tlf
        trad Tte tít Ud Uds univ v.gr Vd Vds vie vol vols vto íd ínt
    """,
    "it": """
        abbr agg ago alt amm apr Arch artt avv C.so ca cap capp Cav cd cf cfr Chiar cit cl cod coll Comm comp
        cons cpv Cso dep dic dim dir disp dist dom dott Dott.ssa Dottssa Dr ecc ed edd Egr es esp etc fasc
        fatt feb fig figg fol gen Gent geogr Geom gio giu giur ibid id ill incl ing intr inv isp L.go lett
        lib lin loc lug lun mag mar masc mecc med mer mod Mons ms mss mus n.d.r nat naz neg nov num obs occ
        op orig ott p.es P.za P.zza pagg par parr pass pers pl plur pp pr pref pres priv prof Prof.ssa Proff
        prot prov Pza racc rag rec reg Rev rif s.d s.l sab sec seg segg Serg sett sez sgg Sig Sig.na Sig.ra
        Sig.re Sigg Sigra sing soc spec Spett sq sqq Ss st Sta Sto str Suor sup suppl tab tav tel tip tit tr
        trad Uff univ V.le vd ven ver vers Vle vol voll vs zool
    """,
    "pt": """
        a.C abr abrev adj adv ago Alm aprox Apto Arq arts assoc Av bibl Bl Brig cap caps cat Cb Cel cf cfr
        Cia cit col coord cód d.C dep dept depto Des desc dir doc Dr Dra Dras Drs Dto ed edit eds Eng Engª
        esp Esq Estr etc excl Exma Exmo fasc fev fig figs fl fls fol Fr Gen gov hab ibid id Ilma Ilmo ilust
        inc incl inf introd jan jul jun lat Lg Lgo lib Lt Ltda Maj Min Mons ms nac nov núm obs op org orgs
        orig p.ex pp pref pres prof Prof.ª Profa Profª prov publ pág págs Pç Pça Qd rec reg rel rep rev Revmo
        Rod S.Exa segs Sen Sgt sr Sra Sras Srs Srta ss Sta Sto sup sáb séc sécs tel telef Ten trad Trav Tv
        tít univ V.Exa vol vols vs
    """,
    "pl": """
        adm al ang arch asp bm bp br bł ca cd cdn chor cz czerw czw czł dag dl doc dr dyr dyw dz ewent fr
        franc gen gimn gm godz gr grudz hab hr im inż itd itp jn jun jw kard kier kl kpr kpt ks kw kwiet lek
        lic listop lm lp lut m.in mar mec med mgr mies miesz mjr mld mln muz n.e nadkom najśw nast niedz niem
        np nr nt nż ob obr odc okr op opr oprac os ośr p.n.e p.o paźdz pl pn podkom podst pol pon por pos poz
        ppor ppłk prawd prof prok przew przyp ps pseud pt płk rb ref reg rkp rozdz rtm ryc rys rz rzym sek
        sierp sierż sob sp st starop stow str strz stud stycz sygn szer szp szt tab tel temp tj tow tyg tys
        tzn tzw tłum ub ul ur urz wg wicepr wlk woj wrzes wsch współcz wt wyd wym zach zaw zał zb zd zm zn
        zob zool łac śp śr śrdw św żeń
    """,
    "ru": """
        абс авг адм акад англ апр архит б-р библ биол буд бул бывш вв вкл внутр вост вт г-жа г-н ген гг гл гн
        гос гр гражд греч д.т.н дек деп дир доц др зав зам и.о изд илл им ин инж итал к.т.н канд кв кн коп
        корп лат лейт макс миним млн млрд муз н.э наб назв напр наст нач нед нояб об обл оз ок окр окт оп отд
        пгт пер пл пн подп пос посм пр-д пр-т прим примеч просп проф проч пт р-н рег руб сб св сев сек сент
        серж сл см сокр соотв сост соц ср табл тж тов трлн тыс ул упр урож февр физ филос фр франц хим цит
        чел чт шт экз эт южн юр янв
    """,
    "uk": """
        акад англ бер бл буд бул верес вул гл гр грн груд див доц жовт зав зам кв квіт коп лат лип листоп лют
        млн млрд наб напр нім обл ок пл пп пров просп проф ред рис розд рр св смт ст січ табл тел тис укр
        черв ім ін інж
    """,
    "nl": """
        aant abs afb afd afk afl alg apr artt aug b.v bijv bijz bldz blz c.q c.s ca cf d.d d.i d.m.v d.w.z
        dec def derg dgl dhr div dl dr drs ds e.a e.d e.e.a e.v enz etc evt excl fa fam feb ff fig fr geb
        gebr gem gen gld gr H.M hfdst hfst hss i.c i.e i.o i.p.v i.t.t i.v.m ibid incl ing inl insp inz ir
        jan jg jhr jkvr jl k.k kapt kath kol l.c lit lt m.a.w m.b.t m.b.v m.i m.i.v m.n m.u.v maj mej mevr mg
        mld mln mnd mp mr mrs mrt mw n.a.v n.b n.chr n.v nl nov nr nrs o.a o.b.v o.i.d o.l.v o.m o.t.v obs
        okt ong oorspr opm org p.a p.m p.p pag par penn pl plm plv pr pres prof prot r.-k r.k red ref resp
        s.v.p sec secr sept sgt str t.a.v t.b.v t.e.m t.g.v t.h.t t.n.v t.o.v t.w.v t.z.t tab tel tit uitg
        v.chr vb verg vgl vgls vlgs vnl voorz vr vz w.o weled wnd woe z.g Z.M z.o.z zgn
    """,
    "cs": """
        angl apod arch atd atp Bc Bc.A BcA biol býv bř břez cca CSc dgš dl doc dop Dr DrSc dět dř event fa
        fem fig fil fot fr fyz geogr hist hod hud ing inž IČ j.m j.č jap jm JUDr kap kcs kl kniž kpt kr kt
        kupř květ lat lis lit lok mat mezin Mgr mj mjr mld mln mn MUDr MVDr n.l n.m např nar Nejsv nem nepř
        nesp nom npor npř nábř nám násl ob obch odb odd odp odst okr op orig ozn PaedDr Ph.D PhDr pl plk plp
        popř por posl pov pozn poř pplk ppor pprap prap prof pros prov provd prům ps pseud pá pí př př.n.l
        předch přel přibl příd příp přísl rak red ref rep resp rkp RNDr rozh roč rtm ryt s.r.o samot sb sek
        sekr sev sg skl sl slož soudr souv spol spr str stč střv sv svob tab tech tel ThDr tj tzn tzv táz tř
        ul univ urč ust v.r ved vl vs vyd vynál vyobr vých všeob zahr zast zdr zejm zn zpr zvl zákl záp ún ús
        út úč červ čj čl čp čt čís řec říj šk šl šp
    """,
    "sk": """
        angl atp atď Bc CSc doc gen hod Ing JUDr kap kpt lat Mgr mil mjr mld MUDr najm napr nar nem npor nám
        obr ods okr Ph.D PhDr plk popr por porov pozn pp prof príp pôv red resp rkp RNDr roč sv tel tis tj
        tzn tzv ul zb zom zv čl
    """,
    "tr": """
        A.Ş Alb alm Apt Ar.Gör Arş Asb Asist Atğm Av Ağu bk bkz Bl Blv Bnb Bulv Bçvş Bşk cad Cmt Doç doğ Dr
        drl Dz Ecz ed Eyl Fak Fiz fr Gnkur Gzt Gön Gör haz Hem Hst Hv hz hük ing İ.S İ.Ö İht İng İst Jeol Kd
        Kon Korg krş Kur Kuv lat Ltd M.S M.Ö mah Mim Mrş müd Müh no nr num Okt Onb Opr Ord Ort Prof Psk Pst
        Pzt Rek sayf Sig Slv sn sok Sos Stj T.C tab tel Tem Tuğ Tümg Tğm Uzm vb vd vdl Vet vs Y.Müh Yard Yd
        Yd.Doç Yrd yy Yzb Yük Yüzb zf çev Çvş ölm örn öğr Üsteğm Ütğm Şb şek Şti Şub
    """,
    "hu": """
        alez alk ang arg aug bek bev bp br bt bíb cca cs csüt dec dk dny dr Drs ellenőrz enc engedj ev ezds
        ezr eü febr felv ff fhdgy fr fsz főv gimn gk gr hdgy hg hn hrsz hsz ht hétf hőm i.e i.m i.sz id ifj
        ill ip isk ism iz jan jav jegyz jkv jul jz júl jún kb kf kft kisz kiv kk kkt kl koll kp krc krt kt
        képv köv ld lt ltp megh megj megyev mf mjr mk mn mp ms msz márc mélt műv nagyk nb nov ny nyrt okl okt
        orsz ov pf pk pl pol polg pon prof pság pént ref rg rkp rt röm sgt sp spec st stb stt sz szc szd szds
        szept szerk szig szkv szla szle szomb szt tb tbk tc tel tit tj tkp tszf tvr törv tőrm u.a u.n u.s u.ö
        ua ui uo vall vb vezds vezérig vh vill vizsg vk vm vs vsz vál vö zrt zs zsp ált ápr évf örgy özv úm
        ún üag ügyv üv őrm
    """,
    "sv": """
        adj adv allm anm anv apr aug avd avg bif bl bl.a bost ca cit d.v.s d.y d.ä dec dir div dnr doc dr dvs
        dyl e.d e.dyl e.Kr e.m eftr eg ekon eks eng enl etc ev ex exkl exp f.d f.Kr f.m f.n f.v.b f.ö fam
        febr fig fk fm fr fr.o.m föreg förf förk ggr gm gr hr ibl inb ink inkl inst isht iv jan jf jfr jr
        kand kap Kgl kl komp kr kv lab lic lör m.a.o m.fl m.h.t m.m mag mfl milj mm mom motsv mån n.b nat nov
        nr ns näml o.d o.dyl o.likn o.s.v obs okt omkr ordf orig osv p.g.a p.s pga pl plur pres proc prof
        prot red ref reg resp rp rub s.a s.k sek sekr sept sign sk skr sp spec ss st st.f stf str sv sön t.ex
        t.h t.o.m t.v tab tel temp tex tf tfn tim tr trol uppl uppsk utg utl v.g vard vol vs äv överl övers
    """,
    "da": """
        a.a a.n adj adm adr adv afd afg afk afs akad alm amtl ang anm apr ark aug bd beg bem bet bev bj bl
        bl.a bot br ca cf cirk cit d.d d.e d.s d.v.s d.y d.æ dat dec dep desl dim dir disp div dr ds dvs e.g
        e.Kr e.l eftf eftm egl ejd eks ekskl ekspl em emb endv evt ex exam f.eks f.Kr f.m f.n f.t f.v fa fam
        febr ff fhv fig fl fmd forf fork forts fr frk ft geb gl glda gr gymn hf hft hhr hhv hr hrs ib ibid if
        iflg ifm inf ing inkl inst isl itk jan jf jfr jr jur kand kap kgl kl kld kol komp kons korr kr ktr kv
        kvt lb lic lin litt lok lrs ltn lør m.a.o m.fl m.h.p m.h.t m.m m.v mag md mdr medl mht mia mio mods
        modsv modt Mr Mrs mul mv n.br n.f nb nedenst nl nov nr num næstf o.a o.l o.lign o.m.a o.s.v obs okt
        omkr omr ons opl opr org osv ovenst overs p.a p.g.a p.m p.t pct pd pga pk pkt pl polit pp ppm prof
        prot pt rad red ref reg rel rep resp s.d s.k s.u s.å Sct sek sept sign skr Skt sml smst soc sp spec
        spm spr spsk st stk str stud sv sædv t.h t.o.m t.v tdl tirs tlf tlgr tors ts u.d u.å udb udd udg ugtl
        ult v.h vedr vejl vha vol vs årg årh ær
    """,
    "no": """
        adm adr alm ang ann apr aug avd avg bd bl.a ca d.v.s des dir dr dvs e.Kr eks ekskl etc evt f.eks f.Kr
        f.o.m feb fig forts fr frk fv gj.sn gl hhv hr ifm iht inkl istf jan jf jfr jr kap kgl kl kr m.a.o
        m.fl m.m mht mill mnd mrd mva mvh nov nr o.l obs okt osv p.g.a pga pkt prof pst red ref resp s.k sept
        sivilnr sk st stk str t.o.m tab tilsv tlf utg vedr vol
    """,
    "fi": """
        alk eaa eKr em ent esim ev evp fil fir fm hra hum huom ikk jKr jne joht jr kand kapt kpl ks kts kub
        lat lisät ltn lyh mag maist maj mlj mm mrd mukl nim nk nro ns oik os ov pit pj pl po prof puh pv rn
        rva saks seur siht sis sk sr str suom synt tav tied tk tms toht toim tri ts ups us vas vrt vs vt yht
        yl ym yms yo
    """,
    "ro": """
        acad alin apr aprox arh asist aug av bd bdul bl cca cf conf cpt dec dl dlui dna dr dra ed etc ex feb
        fig gen ian ing int jud lect lt mr nov nr oct pag prof resp sc sept sf str tab tel vol
    """,
    "ca": """
        abr aprox Av Avda Ctra Dr Dra ed etc ex febr fig gen màx mín nov núm oct Pl Prof pàg pàgs Sr Sra Srs
        St Sta Sto tel
    """,
    "el": """
        αγ αρ βλ δηλ δρ εικ εκ κ κ.ά κ.λπ κα καθ κεφ κκ κτλ λεωφ μ.μ μ.Χ οδ π.μ π.Χ π.χ πρβλ σελ τ τηλ χιλ
    """,
    "hr": """
        akad br dipl dr god gosp gđa gđica ing itd mag mr npr odn ožuj prof pros puk ruj sij sl st str stud
        sv svib tel tis tj trav tzv ul usp velj čl
    """,
    "hi": """
        ई कु डॉ पं पृ प्रो मो श्री सं सुश्री
    """,
}

# Words that are held only before a number, because they are words of their own, too.
_BEFORE_NUMBERS = {
    "en": """
        Sat Sun no nos p pp art arts bk c fl par para ver v fig figs tab eq max min op fn fol ll nn vv App Cap
        Cl Reg Regs Sched Stat
        Matt Mk Lk Jn Rom Cor Gal Eph Phil Thess Tim Philem Heb Jas Pet Exod Lev Num Deut Josh Judg Sam Kgs
        Chr Chron Neh Esth Ps Pss Prov Eccl Isa Jer Lam Ezek Dan Hos Obad Mic Nah Hab Zeph Hag Zech Mal Macc
    """,
    "de": "Art v z ca max min mind fig tab lit S Bl Nr",
    "fr": "no nos n p art fig vol v t max min tab Matt Mt Mc Lc Jn Rom Cor Gal Gen Gn Ex Is Jr Ap Hb Ps",
    "es": "no n p art v t máx mín id Mat Mt Mc Lc Jn Rom Rm Cor Gal Gén Gn Éx Ex Is Jer Ap Heb Sal",
    "it": "n p pag pagg v art max min Matt Mt Mc Lc Gv Rom Rm Cor Gal Gen Gn Es Is Ger Ap Eb Sal",
    "pt": "n p v t art máx mín min pag Mat Mt Mc Lc Jo Rom Rm Cor Gal Gên Gn Êx Ex Is Jer Ap Heb Sal",
    "pl": "ok art ust pkt poz ryc max min str tab rys fig vol",
    "ru": "рис стр ст с мин макс табл ред",
    "nl": "art lid max min deel bl",
    "cs": "obr max min str tis st hl",
    "hu": "old max min sz",
    "sv": "sid kap art max min",
    "da": "art maks max min",
    "no": "art maks min",
    "tr": "s c yy",
    "ro": "art cap et ap max min",
    "ca": "art vol cap",
    "sk": "str tab max min",
}

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_INITIAL = re.compile(rf"(?:(?<![\w°])|(?<=[{_CJK}]))[^\W\d_{_CJK}]\.\Z")
_NUMBER = re.compile(r"\d|[IVXLC]{2,}\b|[VX]\b")  # not "I", which is a word, too
_TOKEN = re.compile(rf"[^\s(\[{{“‘«‹„‚\"'’/—–、，：{_CJK}]+\Z")

# Latin abbreviations in Chinese, Japanese and Korean are English ones.
_ALIASES = {"nb": "no", "nn": "no", "sr": "hr", "bs": "hr", "zh": "en", "ja": "en", "ko": "en"}


def _known(lists: dict[str, str]) -> dict[str, frozenset[str]]:
    return {
        code: frozenset(spelling for word in words.split() for spelling in (word, word[0].upper() + word[1:]))
        for code, words in lists.items()
    }


_ANYWHERE, _NUMBERED = _known(_WORDS), _known(_BEFORE_NUMBERS)


def is_abbreviation(before: str, after: str, code: str) -> bool:
    """Whether `before`, which ends with a full stop, ends with an abbreviation that `after` goes on from."""
    token = _TOKEN.search(before.removesuffix("."))
    if not token:
        return False
    code = _ALIASES.get(code, code)
    if token[0] in _ANYWHERE.get(code, ()):
        return True
    return _NUMBER.match(after) is not None and token[0] in _NUMBERED.get(code, ())


def is_initial(before: str, code: str) -> bool:
    """Whether `before` ends with a single letter and its full stop.

    The letter may be glued to Chinese, Japanese or Korean. Not in English, of which sentencex knows more.
    """
    return code != "en" and _INITIAL.search(before) is not None
