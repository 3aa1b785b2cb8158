<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="code.title"/></xsl:template>
<xsl:template match="page" mode="foot"><xsl:for-each select="code"><xsl:call-template name="foot-sender"/></xsl:for-each></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="code">
    <div class="sheet">
      <xsl:if test="sender"><xsl:call-template name="who"/><hr/></xsl:if>
      <h1><w:t id="code.title"/></h1>
      <p>
        <xsl:choose>
          <xsl:when test="sender"><w:t id="code.sent" address="@address" at="sent/@hm"/></xsl:when>
          <xsl:otherwise><w:t id="code.sent-inbox" address="@address" at="sent/@hm"/></xsl:otherwise>
        </xsl:choose>
        <xsl:text> </xsl:text>
        <xsl:if test="@reference != ''"><w:t id="code.reference" reference="@reference"/><xsl:text> </xsl:text></xsl:if>
        <xsl:if test="until"><w:t id="code.until" until="until/@hm"/></xsl:if>
      </p>
      <form method="post" action="{@action}" autocomplete="off">
        <xsl:call-template name="csrf"/>
        <div class="field">
          <label for="code"><w:t id="code.label"/></label>
          <xsl:if test="@problem">
            <p class="problem" id="problem" role="alert">
              <xsl:choose>
                <xsl:when test="@problem = 'malformed'"><w:t id="problem.code-malformed"/></xsl:when>
                <xsl:when test="@problem = 'tries'"><w:t id="problem.code-tries"/></xsl:when>
                <xsl:otherwise><w:t id="problem.code-wrong"/></xsl:otherwise>
              </xsl:choose>
            </p>
          </xsl:if>
          <input id="code" name="code" class="code" type="text" inputmode="text" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required="required" maxlength="16" placeholder="XXXX-XXXX">
            <xsl:if test="@problem"><xsl:attribute name="aria-describedby">problem</xsl:attribute><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="row">
          <button class="btn" type="submit">
            <xsl:choose>
              <xsl:when test="sender"><w:t id="code.read"/></xsl:when>
              <xsl:otherwise><w:t id="code.open"/></xsl:otherwise>
            </xsl:choose>
          </button>
        </div>
      </form>
      <h2><w:t id="code.late"/></h2>
      <div class="sentence quiet">
        <p><w:t id="code.wait"/></p>
        <form method="post" action="{@action}">
          <xsl:call-template name="csrf"/>
          <input type="hidden" name="address" value="{@address}"/>
          <p>
            <button class="link" type="submit"><w:t id="code.again"/></button>
            <xsl:text> · </xsl:text><a href="{@action}?again=1"><w:t id="code.other"/></a>
            <xsl:text> · </xsl:text><a href="/login"><w:t id="code.password"/></a>
          </p>
        </form>
        <xsl:if test="sender/@address != ''"><p><w:t id="code.ask" sender="sender/@shown"/></p></xsl:if>
      </div>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
